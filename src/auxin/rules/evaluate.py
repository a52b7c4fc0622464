"""Evaluation of a learned rule: paired with its rivals, and curves far past its horizon."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from auxin.requests.rule import EvalSettings
from auxin.rules.bench import DrawScores, Mapped, RuleBench
from auxin.rules.data import RuleData
from auxin.rules.rivals import QUICK, SLOW, rival, supervised
from auxin.update_rules.base import State, UpdateRule
from auxin.update_rules.hebb import Hebb
from auxin.update_rules.learned import Learned

HEADLINE = 100
"""Inner steps at which a rule is judged: the longest it was trained for."""


RULE = "rule "
"""Begins the names of the parts that measure a rule."""


_COSTS = {"kmeans": 24.0, "hand_rule": 6.0, "autoencoder": 130.0, "vae": 160.0, "supervised": 250.0}


def part_names(rules: Sequence[str], settings: EvalSettings) -> list[str]:
    """What is measured, part by part; no part depends on another."""
    slow = [*SLOW, "supervised"] if not settings.quick else []
    own = [RULE + name for name in rules]
    return [*QUICK, "hand_rule", *slow, "untrained_rule", *own, "random_network"]


def cost(part: str, settings: EvalSettings) -> float:
    """About how long a part takes beside the others, in inner steps of a rule: measured on the digits.

    >>> cost("vae", EvalSettings()) > cost("pca", EvalSettings())
    True
    """
    if part.startswith(RULE):
        return max(settings.steps) + 3.0 * len(settings.steps)
    return {"untrained_rule": float(judged_at(settings)), **_COSTS}.get(part, 3.0)


def judged_at(settings: EvalSettings) -> int:
    """The inner steps at which the rows of the table are measured."""
    return HEADLINE if HEADLINE in settings.steps else settings.steps[-1]


def measure(part: str, rules: dict[str, Learned], bench: RuleBench, settings: EvalSettings) -> dict[str, Any]:
    """Measure one part, as plain data."""
    judged, hidden, width = judged_at(settings), settings.hidden, settings.width
    if part.startswith(RULE):
        return _measured(rules[part.removeprefix(RULE)], bench, settings, judged)
    first = next(iter(rules.values()))
    if part == "hand_rule":  # Hebb with triangular decorrelation
        found = curve(Hebb(), bench, settings, (judged,))[judged]
    elif part == "supervised":
        accuracy = supervised(bench, hidden, width)
        found = DrawScores(accuracy, accuracy, 1.0, {})
    elif part == "untrained_rule":
        torch.manual_seed(0)
        found = curve(Learned(**first.options), bench, settings, (judged,))[judged]
    elif part == "random_network":
        found = curve(first, bench, settings, (0,))[0]
    else:
        found = rival(part, bench, width, hidden, judged)
    return {"row": row(found)}


def _measured(rule: Learned, bench: RuleBench, settings: EvalSettings, judged: int) -> dict[str, Any]:
    found: dict[str, Any] = {"curve": {}}
    for step, state in states(rule, bench, settings, settings.steps):
        found["curve"][str(step)] = row(bench.score(mapped(rule, state)))
        if step == judged:
            reference = bench.reference()
            found["inductive"] = row(bench.score(mapped(rule, state, reference=reference)))
            found["shuffled"] = row(bench.score(mapped(rule, state), shuffled=True))
    return {**found, "row": found["curve"][str(judged)]}


def assembled(
    data: RuleData, rules: Sequence[str], settings: EvalSettings, found: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """The result of an evaluation from those of its parts that are measured."""
    own = {name: found[RULE + name] for name in rules if RULE + name in found}
    return {
        "data": data.name,
        "chance": 1 / data.ways,
        "judged_at": judged_at(settings),
        "unlabelled_rows": len(data.unlabelled),
        "inputs": data.x.shape[1],
        "rows": {part.removeprefix(RULE): values["row"] for part, values in found.items() if "row" in values},
        "rules": list(rules),
        "curves": {name: values["curve"] for name, values in own.items()},
        "inductive": {name: values["inductive"] for name, values in own.items()},
        "shuffled_labels": {name: values["shuffled"] for name, values in own.items()},
    }


def bench_of(data: RuleData, settings: EvalSettings, *, permuted: bool = True) -> RuleBench:
    """The bench for these settings."""
    return RuleBench(
        data,
        nets=settings.nets,
        shots=settings.shots,
        draws=settings.draws,
        batch=settings.batch,
        steps=max(*settings.steps, 1),
        seed=settings.seed,
        permuted=permuted,
    )


def curve(
    rule: UpdateRule, bench: RuleBench, settings: EvalSettings, steps: Sequence[int]
) -> dict[int, DrawScores]:
    """The rule's scores at these inner steps."""
    found = {}
    for step, state in states(rule, bench, settings, steps):
        found[step] = bench.score(mapped(rule, state))
    return found


def states(
    rule: UpdateRule, bench: RuleBench, settings: EvalSettings, steps: Sequence[int], activation: str = "relu"
) -> Iterator[tuple[int, State]]:
    """The bench's networks at these inner steps."""
    widths = (bench.data.x.shape[1], *settings.hidden, settings.width)
    state = rule.init_state(widths, bench.nets, torch.Generator().manual_seed(7))
    for number in range(max(steps) + 1):
        if number in steps:
            yield number, state
        if number < max(steps):
            with torch.no_grad():
                state = rule.step(state, bench.unlabelled(number), activation)


def mapped(
    rule: UpdateRule, state: State, activation: str = "relu", reference: Tensor | None = None
) -> Mapped:
    """Inputs to features, by networks in this state."""
    return lambda x: rule.features(state, x, activation, reference)


def row(scores: DrawScores) -> dict[str, Any]:
    """A row of the table: means, standard errors over networks, and every network's accuracy."""
    return {
        "plain": mean_error(scores.plain.tolist()),
        "tuned": mean_error(scores.tuned.tolist()),
        "scale": scores.scale,
        "plain_nets": [round(v, 5) for v in scores.plain.tolist()],
        "tuned_nets": [round(v, 5) for v in scores.tuned.tolist()],
    }


def mean_error(values: Sequence[float]) -> list[float]:
    """Mean and standard error.

    >>> mean_error([0.1, 0.3])
    [0.2, 0.1]
    """
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return [round(statistics.fmean(values), 5), round(error, 5)]
