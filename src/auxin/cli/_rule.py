"""The implementation of `auxin rule`: progress, tables, and files."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auxin.cli._console import Output
from auxin.cli._progress import progress
from auxin.reports import rule_table
from auxin.requests.rule import RuleApplyRequest, RuleEvaluateRequest, RuleTrainRequest, TrainSettings
from auxin.rules import use as rule_use
from auxin.rules.train import RULE, RuleRun
from auxin.runs.executors import executor_of
from auxin.studies.engine import Progress, run_study
from auxin.studies.evaluate_rule import EvaluateRule, RulesOnData


def run_train(request: RuleTrainRequest, output: Output) -> None:
    """Meta-train a rule, and show progress and the path of the rule."""
    settings, out = request.settings, request.out
    with _processes(settings.device):
        run = RuleRun(settings, out)
        if run.leads:
            output.print(
                f"Meta-training {sum(p.numel() for p in run.rule.parameters()):,} parameters "
                f"on {_mix(settings)}."
            )
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


def _mix(settings: TrainSettings) -> str:
    return ", ".join([*settings.families, *(Path(f).stem for f in settings.data)])


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


def run_apply(request: RuleApplyRequest, output: Output) -> None:
    """Train a network with the rule, write it and the features, and show the paths of the files."""
    result = rule_use.apply_rule(request)
    output.print(
        f"Trained {result['widths']} on {result['rows']:,} rows of {result['data']} for {result['steps']} "
        f"steps, without labels."
    )
    for note in result["decided"]:
        output.print(f"  {note}")
    for kind, file in result["files"].items():
        output.print(f"  {kind}: {file}")
    output.result(result)


def run_evaluate(request: RuleEvaluateRequest, output: Output) -> None:
    """Evaluate the rule on every data set, show the tables, and draw the figures."""
    settings, executor = request.settings, executor_of(request.engine)
    rules = tuple(rule_use.find_rules(request.of.rule).items())
    results = []
    with progress(output) as show:
        for name in [part.strip() for part in request.of.data.split(",") if part.strip()]:
            output.heading(name, f": {settings.nets} networks, {settings.shots} labels per class")

            def notify(event: Progress | str, name: str = name) -> None:
                if isinstance(event, Progress):
                    show(name, event.done, event.total, left=event.left)

            found = run_study(EvaluateRule(RulesOnData(rules, name, request)), executor, notify)
            results.append(found)
            output.print(rule_table.terminal(found), "")
    from auxin.reports.rule_figures import draw

    files = draw(request.of.out)
    output.print(f"Results and {len(files)} figures: {request.of.out}")
    output.result(results)
