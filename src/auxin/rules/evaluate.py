"""Evaluation of a learned rule: paired with its rivals, and curves far past its horizon."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from auxin.rules.bench import Bench, Mapped, Scores
from auxin.rules.data import RuleData
from auxin.rules.rivals import QUICK, SLOW, hand_rule, rival, supervised
from auxin.update_rules._base import State, UpdateRule
from auxin.update_rules.learned import Learned

HEADLINE = 100
"""Inner steps at which a rule is judged: the longest it was trained for."""


@dataclass(frozen=True, slots=True)
class EvalSettings:
    """How a rule is evaluated.

    Attributes:
        nets, shots, draws, batch, seed: as in `Bench`.
        hidden: hidden widths of the networks.
        width: of the embedding, and of every rival.
        steps: inner steps at which features are judged; the last is the horizon of the curve.
        slow: whether the autoencoder, the VAE and the supervised network are run too.
    """

    nets: int = 20
    shots: int = 5
    draws: int = 6
    batch: int = 32
    seed: int = 0
    hidden: tuple[int, ...] = (64,)
    width: int = 16
    steps: tuple[int, ...] = (0, 10, 40, 100, 200, 400)
    slow: bool = True


def evaluate(
    rules: dict[str, Learned],
    data: RuleData,
    settings: EvalSettings,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Every rule and every rival on one data set; plain data, ready for a result file.

    Args:
        rules: by name, e.g. one per meta-seed.
        data: the data set.
        settings: how.
        say: told what is being measured.
    """
    bench = bench_of(data, settings)
    rows: dict[str, Any] = {}
    judged = HEADLINE if HEADLINE in settings.steps else settings.steps[-1]
    for name in QUICK:
        say(name)
        rows[name] = row(rival(name, bench, settings.width, settings.hidden, judged))
    say("hand rule")
    rows["hand_rule"] = row(hand_rule(bench, settings.hidden, settings.width, judged))
    if settings.slow:
        for name in SLOW:
            say(name)
            rows[name] = row(rival(name, bench, settings.width, settings.hidden, judged))
        say("supervised")
        found = supervised(bench, settings.hidden, settings.width)
        rows["supervised"] = row(Scores(found, found, 1.0, {}))
    first = next(iter(rules.values()))
    torch.manual_seed(0)
    say("untrained rule")
    untrained = Learned(**first.options)
    rows["untrained_rule"] = row(curve(untrained, bench, settings, (judged,))[judged])
    curves: dict[str, dict[str, Any]] = {}
    inductive, shuffled = {}, {}
    for name, rule in rules.items():
        say(name)
        curves[name] = {}
        for step, state in states(rule, bench, settings, settings.steps):
            curves[name][str(step)] = row(bench.score(mapped(rule, state)))
            if step == judged:
                inductive[name] = row(_inductive(rule, state, bench))
                shuffled[name] = row(bench.score(mapped(rule, state), shuffled=True))
        rows[name] = curves[name][str(judged)]
    rows["random_network"] = row(curve(first, bench, settings, (0,))[0])
    return {
        "data": data.name,
        "chance": 1 / data.ways,
        "judged_at": judged,
        "unlabelled_rows": len(data.unlabelled),
        "inputs": data.x.shape[1],
        "rows": rows,
        "rules": list(rules),
        "curves": curves,
        "inductive": inductive,
        "shuffled_labels": shuffled,
    }


def bench_of(data: RuleData, settings: EvalSettings, *, permuted: bool = True) -> Bench:
    """The bench for these settings."""
    return Bench(
        data,
        nets=settings.nets,
        shots=settings.shots,
        draws=settings.draws,
        batch=settings.batch,
        steps=max(*settings.steps, 1),
        seed=settings.seed,
        permuted=permuted,
    )


def curve(rule: UpdateRule, bench: Bench, settings: EvalSettings, steps: Sequence[int]) -> dict[int, Scores]:
    """The rule's scores at these inner steps."""
    found = {}
    for step, state in states(rule, bench, settings, steps):
        found[step] = bench.score(mapped(rule, state))
    return found


def states(
    rule: UpdateRule, bench: Bench, settings: EvalSettings, steps: Sequence[int], activation: str = "relu"
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


def mapped(rule: UpdateRule, state: State, activation: str = "relu") -> Mapped:
    """Inputs to features, by networks in this state."""
    return lambda x: rule.features(state, x, activation)


def _inductive(rule: UpdateRule, state: State, bench: Bench) -> Scores:
    reference = bench.reference()
    return bench.score(lambda x: rule.features(state, x, reference=reference))


def row(scores: Scores) -> dict[str, Any]:
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


def paired(result: dict[str, Any], rule: str, other: str, kind: str = "tuned") -> list[float]:
    """Mean and standard error over networks of the rule's accuracy minus another row's."""
    ours, theirs = (result["rows"][name][f"{kind}_nets"] for name in (rule, other))
    return mean_error([a - b for a, b in zip(ours, theirs, strict=True)])


def selected(results: Sequence[dict[str, Any]], rules: Sequence[str], kind: str = "plain") -> str:
    """The rule with the best mean accuracy over these (meta-validation) sets."""

    def level(name: str) -> float:
        return statistics.fmean(result["rows"][name][kind][0] for result in results)

    return max(rules, key=level)


def rule_paths(folder: Path) -> dict[str, Path]:
    """The rule files of a folder of runs, by the run's name."""
    return {path.parent.name: path for path in sorted(folder.glob("*/rule.safetensors"))}
