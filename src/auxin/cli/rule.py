"""Learned unsupervised update rules: train a rule, apply it to your data, or compare it with PCA."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from auxin.cli._command import VerbGroup
from auxin.cli._console import Output
from auxin.cli._from_request import from_request
from auxin.requests.rule import RuleApplyRequest, RuleEvaluateRequest, RuleTrainRequest
from auxin.requests.values import words

app = typer.Typer(cls=VerbGroup, rich_markup_mode="rich", no_args_is_help=True, add_completion=False)


@app.callback()
def rule() -> None:
    """Learned unsupervised update rules (Metz et al. 2019).

    A rule is a small network that updates the weights of other networks without labels and without back-propagation.
    The trained rule [bold]small[/bold] is included. Every command below has the option [bold]--json[/bold].
    """


@app.command()
@from_request
def train(request: RuleTrainRequest, output: Output) -> None:
    """Meta-train a rule and write it to DIR/rule.safetensors, with its card.

    Under torchrun, every process trains its own groups and the meta-gradients are averaged.

    [bold]Examples[/bold]

        auxin rule train --procedural --out runs/mine
        auxin rule train --root DATA --seed 1 --out runs/seed1
        torchrun --nproc-per-node 2 -m auxin rule train --procedural --groups 2
    """
    from auxin.rules.train import RULE, RuleRun

    settings, out = request.settings, request.out
    with _processes(settings.device):
        run = RuleRun(settings, out)
        if run.leads:
            parameters = sum(p.numel() for p in run.rule.parameters())
            tasks = ", ".join([*settings.families, *(Path(file).stem for file in settings.data)])
            output.print(f"Meta-training {parameters:,} parameters on {tasks}.")
            if run.trainer.update:
                output.print(f"Resuming from update {run.trainer.update}.")
        for progress in run.run():
            if run.leads and progress.update % 50 == 0:
                recent = [v for v in run.losses[-50:] if not math.isnan(v)]
                level = sum(recent) / max(len(recent), 1)
                output.print(
                    f"  update {progress.update:5d} of {settings.updates}   objective {level:.3f}   "
                    f"dropped {progress.dropped}   {run.seconds:.0f} s"
                )
        if run.leads:
            output.print(f"Rule: {out / RULE}. Card: {out / 'card.json'}.")
            with run.trainer.averaged():
                output.print(run.rule.formula())
            output.result({"rule": str(out / RULE), **run.card()})


@contextmanager
def _processes(device: str) -> Iterator[None]:
    """Join the process group if torchrun started several processes."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield
        return
    from torch import distributed as dist

    dist.init_process_group("cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


@app.command()
@from_request
def apply(request: RuleApplyRequest, output: Output) -> None:
    """Train a network on DATA without labels, and save its weights and the features of every row.

    The command writes network.safetensors, features.npz (features, and y if there are labels) and apply.json.

    [bold]Examples[/bold]

        auxin rule apply small digits --hidden 128,64 --width 32 --out runs/digits
        auxin rule apply runs/mine/rule.safetensors my.npz --target y
    """
    from auxin.rules.use import apply_rule

    result = apply_rule(request)
    output.print(
        f"Trained {result['widths']} on {result['rows']:,} rows of {result['data']} for {result['steps']} "
        f"steps, without labels."
    )
    for note in result["decided"]:
        output.print(f"  {note}")
    for kind, file in result["files"].items():
        output.print(f"  {kind}: {file}")
    output.result(result)


@app.command()
@from_request
def evaluate(request: RuleEvaluateRequest, output: Output) -> None:
    """Compare a rule with raw inputs, PCA, k-means, autoencoders and others, on the same networks and labels.

    Features are scored by ridge regression on few labels per class. The rows marked "tuned" scale each method's
    features by the factor that is best on other label draws. Results, a table and figures go to DIR.

    [bold]Examples[/bold]

        auxin rule evaluate
        auxin rule evaluate small my.npz --target y --quick
        auxin rule evaluate runs/seeds digits,mnist --root DATA --out runs/seen
    """
    from auxin.cli._progress import progress
    from auxin.reports import rule_table
    from auxin.rules.use import find_rules
    from auxin.runs.executors import executor_of
    from auxin.studies.engine import run_study
    from auxin.studies.evaluate_rule import EvaluateRule, RulesOnData

    settings, executor = request.settings, executor_of(request.engine)
    rules = tuple(find_rules(request.of.rule).items())
    results = []
    with progress(output) as notify:
        for name in words(request.of.data):
            output.heading(name, f": {settings.nets} networks, {settings.shots} labels per class")
            found = run_study(EvaluateRule(RulesOnData(rules, name, request)), executor, notify)
            results.append(found)
            output.print(rule_table.terminal(found), "")
    from auxin.reports.rule_figures import draw

    files = draw(request.of.out)
    output.print(f"Results and {len(files)} figures: {request.of.out}")
    output.result(results)
