"""The work behind `auxin rule`: from words to settings, progress, tables, and where the files are."""

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
class TrainAsked:
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


def run_train(asked: TrainAsked, output: Output) -> None:
    """Meta-train, show progress, say where the rule is."""
    settings = _settings(asked)
    with _processes(asked.device):
        run = RuleRun(settings, asked.out)
        if run.leads:
            output.say(
                f"Meta-training {sum(p.numel() for p in run.rule.parameters()):,} numbers "
                f"on {_mix(settings)}."
            )
            if run.trainer.update:
                output.say(f"Going on from update {run.trainer.update}.")
        for progress in run.run():
            if run.leads and progress.update % 50 == 0:
                recent = [v for v in run.losses[-50:] if not math.isnan(v)]
                level = sum(recent) / max(len(recent), 1)
                output.say(
                    f"  update {progress.update:5d} of {settings.updates}   objective {level:.3f}   "
                    f"dropped {progress.dropped}   {run.seconds:.0f} s"
                )
        if run.leads:
            output.say(f"The rule: {asked.out / RULE}. Its card: {asked.out / 'card.json'}.")
            with run.trainer.averaged():
                output.say(run.rule.formula())
            output.result({"rule": str(asked.out / RULE), **run.card()})


def _mix(settings: TrainSettings) -> str:
    return ", ".join([*settings.mix, *(Path(f).stem for f in settings.data)])


def _settings(asked: TrainAsked) -> TrainSettings:
    mix = TrainSettings().mix | dict(_weight(text) for text in asked.mix)
    if asked.procedural:
        mix = {name: weight for name, weight in mix.items() if name != "cifar10"}
    return TrainSettings(
        preset=asked.preset,
        seed=asked.seed,
        updates=asked.updates,
        tasks=asked.tasks,
        pools=asked.pools,
        groups=asked.groups,
        mix=mix,
        root=str(asked.root) if asked.root else None,
        data=tuple(str(f) for f in asked.data),
        watch=str(asked.watch) if asked.watch else None,
        estimator=asked.estimator,
        objective=asked.objective,
        every_state=asked.every_state,
        recompute=asked.recompute,
        truncation=_pair(asked.truncation),
        length=_pair(asked.length),
        kinds=numbers(asked.kinds),
        hidden=tuple(_layers(text) for text in asked.hidden) or TrainSettings().hidden,
        activations=_activations(asked.activations),
        embedding=asked.embedding,
        rate=asked.rate,
        sparsity=asked.sparsity,
        device=asked.device,
        options=dict(_option(text) for text in asked.options),
    )


def _pair(text: str) -> tuple[int, int]:
    low, _, high = text.partition(":")
    try:
        return int(low), int(high or low)
    except ValueError:
        raise ConfigError(
            message("That is no range", expected="two numbers such as 4:9", found=text)
        ) from None


def _layers(text: str) -> tuple[int, ...]:
    return () if text == "none" else numbers(text)


def _activations(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    strange = [name for name in found if name not in ACTIVATIONS]
    if strange or not found:
        raise ConfigError(
            message(
                "That is no activation",
                expected=f"some of: {', '.join(ACTIVATIONS)}",
                found=", ".join(strange) or "none",
            )
        )
    return found


def _option(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ConfigError(message("An option is given as NAME=VALUE", found=text))
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _weight(text: str) -> tuple[str, float]:
    name, value = _option(text)
    if not isinstance(value, (int, float)):
        raise ConfigError(
            message("That is no weight", expected="FAMILY=WEIGHT, such as strokes=0.5", found=text)
        )
    return name, float(value)


def numbers(text: str) -> tuple[int, ...]:
    """Whole numbers from a comma-separated list.

    Raises:
        ConfigError: something else stands there.
    """
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ConfigError(
            message("Whole numbers are needed", expected="such as 64,32", found=repr(text))
        ) from None


@contextmanager
def _processes(device: str) -> Iterator[None]:
    """Join torchrun's processes where there are several."""
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
    """Train a network with the rule, write it and the features, say where they are."""
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
    """Evaluate on every data set, show the tables, draw the pictures."""
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
    output.say(f"Results and {len(files)} pictures: {out}")
    output.result(results)
