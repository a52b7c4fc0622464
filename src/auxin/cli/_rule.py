"""The implementation of `auxin rule`: settings, progress, tables, and files."""

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxin.cli._console import Output
from auxin.cli._progress import progress
from auxin.errors import ConfigError, message
from auxin.math.rule_network import ACTIVATIONS
from auxin.reports import rule_figures, rule_table
from auxin.rules import use as rule_use
from auxin.rules.evaluate import EvalSettings
from auxin.rules.train import RULE, RuleRun, TrainSettings
from auxin.runs.executors import Executor
from auxin.studies.engine import Progress
from auxin.studies.evaluate_rule import RuleRequest, evaluate_rule


@dataclass(frozen=True)
class TrainArguments:
    """The arguments of `auxin rule train`, as typed."""

    out: Path
    preset: str
    updates: int
    seed: int
    root: Path | None
    procedural: bool
    data: tuple[Path, ...]
    watch: Path | None
    estimator: str
    objective: str
    tasks: int
    pools: int
    groups: int
    truncation: str
    length: str
    kinds: str
    mix: tuple[str, ...]
    hidden: tuple[str, ...]
    activations: str
    embedding: int
    rate: float
    sparsity: float
    every_state: bool
    recompute: bool
    device: str
    options: tuple[str, ...]


def run_train(arguments: TrainArguments, output: Output) -> None:
    """Meta-train a rule, and show progress and the path of the rule."""
    settings = _settings(arguments)
    with _processes(arguments.device):
        run = RuleRun(settings, arguments.out)
        if run.leads:
            output.say(
                f"Meta-training {sum(p.numel() for p in run.rule.parameters()):,} parameters "
                f"on {_mix(settings)}."
            )
            if run.trainer.update:
                output.say(f"Resuming from update {run.trainer.update}.")
        for progress in run.run():
            if run.leads and progress.update % 50 == 0:
                recent = [v for v in run.losses[-50:] if not math.isnan(v)]
                level = sum(recent) / max(len(recent), 1)
                output.say(
                    f"  update {progress.update:5d} of {settings.updates}   objective {level:.3f}   "
                    f"dropped {progress.dropped}   {run.seconds:.0f} s"
                )
        if run.leads:
            output.say(f"Rule: {arguments.out / RULE}. Card: {arguments.out / 'card.json'}.")
            with run.trainer.averaged():
                output.say(run.rule.formula())
            output.result({"rule": str(arguments.out / RULE), **run.card()})


def _mix(settings: TrainSettings) -> str:
    return ", ".join([*settings.mix, *(Path(f).stem for f in settings.data)])


def _settings(arguments: TrainArguments) -> TrainSettings:
    mix = TrainSettings().mix | dict(_weight(text) for text in arguments.mix)
    if arguments.procedural:
        mix = {name: weight for name, weight in mix.items() if name != "cifar10"}
    return TrainSettings(
        preset=arguments.preset,
        seed=arguments.seed,
        updates=arguments.updates,
        tasks=arguments.tasks,
        pools=arguments.pools,
        groups=arguments.groups,
        mix=mix,
        root=str(arguments.root) if arguments.root else None,
        data=tuple(str(f) for f in arguments.data),
        watch=str(arguments.watch) if arguments.watch else None,
        estimator=arguments.estimator,
        objective=arguments.objective,
        every_state=arguments.every_state,
        recompute=arguments.recompute,
        truncation=_pair(arguments.truncation),
        length=_pair(arguments.length),
        kinds=numbers(arguments.kinds),
        hidden=tuple(_layers(text) for text in arguments.hidden) or TrainSettings().hidden,
        activations=_activations(arguments.activations),
        embedding=arguments.embedding,
        rate=arguments.rate,
        sparsity=arguments.sparsity,
        device=arguments.device,
        options=dict(_option(text) for text in arguments.options),
    )


def _pair(text: str) -> tuple[int, int]:
    low, _, high = text.partition(":")
    try:
        return int(low), int(high or low)
    except ValueError:
        raise ConfigError(
            message("The range is invalid", expected="two numbers such as 4:9", found=text)
        ) from None


def _layers(text: str) -> tuple[int, ...]:
    return () if text == "none" else numbers(text)


def _activations(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    strange = [name for name in found if name not in ACTIVATIONS]
    if strange or not found:
        raise ConfigError(
            message(
                "The activation is unknown",
                expected=f"some of: {', '.join(ACTIVATIONS)}",
                found=", ".join(strange) or "none",
            )
        )
    return found


def _option(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ConfigError(message("An option is not of the form NAME=VALUE", found=text))
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _weight(text: str) -> tuple[str, float]:
    name, value = _option(text)
    if not isinstance(value, (int, float)):
        raise ConfigError(
            message("The weight is invalid", expected="FAMILY=WEIGHT, such as strokes=0.5", found=text)
        )
    return name, float(value)


def numbers(text: str) -> tuple[int, ...]:
    """Return the whole numbers of a comma-separated list.

    Raises:
        ConfigError: A part is not a whole number.
    """
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ConfigError(
            message("The list is not of whole numbers", expected="a list such as 64,32", found=repr(text))
        ) from None


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


def run_apply(
    output: Output,
    rule: str,
    data: str,
    root: Path | None,
    target: str | None,
    side: int,
    out: Path,
    words: dict[str, Any],
) -> None:
    """Train a network with the rule, write it and the features, and show the paths of the files."""
    settings = {**words, "hidden": numbers(words["hidden"])}
    result = rule_use.apply_rule(rule, data, root, target, side, out, settings)
    output.say(
        f"Trained {result['widths']} on {result['rows']:,} rows of {result['data']} for {result['steps']} "
        f"steps, without labels."
    )
    for note in result["decided"]:
        output.say(f"  {note}")
    for kind, file in result["files"].items():
        output.say(f"  {kind}: {file}")
    output.result(result)


def run_evaluate(
    output: Output,
    rule: str,
    data: str,
    root: Path | None,
    target: str | None,
    out: Path,
    words: dict[str, Any],
    grid: bool,
    executor: Executor,
) -> None:
    """Evaluate the rule on every data set, show the tables, and draw the figures."""
    listed = {**words, "hidden": numbers(words["hidden"]), "steps": numbers(words["steps"])}
    settings = EvalSettings(**listed)
    rules = tuple(rule_use.find_rules(rule).items())
    results = []
    with progress(output) as show:
        for name in [part.strip() for part in data.split(",") if part.strip()]:
            output.say(f"[bold]{name}[/bold]: {settings.nets} networks, {settings.shots} labels per class")
            request = RuleRequest(rules, name, out, root, target, settings, grid)

            def tell(event: Progress | str, name: str = name) -> None:
                if isinstance(event, Progress):
                    show(name, event.done, event.total)

            found = evaluate_rule(request, executor, tell)
            results.append(found)
            output.say(rule_table.terminal(found), "")
    files = rule_figures.draw(out)
    output.say(f"Results and {len(files)} figures: {out}")
    output.result(results)
