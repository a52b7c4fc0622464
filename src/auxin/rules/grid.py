"""The generalisation grid: a rule on networks and inputs that it was never meta-trained on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from auxin.requests.rule import EvalSettings
from auxin.rules.data import RuleData
from auxin.rules.evaluate import HEADLINE, bench_of, mapped, states
from auxin.update_rules.base import UpdateRule


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of the grid.

    Attributes:
        part: Which part of the grid: "network", "activation", "inputs" or "order".
        width: Width of every hidden layer.
        depth: Weight matrices; a network of depth d has d - 1 hidden layers.
        activation: Activation of the hidden layers.
        permuted: Whether every network has its own order of the inputs.
    """

    part: str
    width: int = 64
    depth: int = 2
    activation: str = "relu"
    permuted: bool = True


def grid(
    rule: UpdateRule,
    data: RuleData,
    settings: EvalSettings,
    *,
    widths: Sequence[int] = (16, 64, 256),
    depths: Sequence[int] = (1, 2, 3, 5, 8),
    activations: Sequence[str] = ("leaky_relu", "silu", "tanh", "step"),
    sizes: Sequence[RuleData] = (),
    steps: int = HEADLINE,
) -> list[dict[str, Any]]:
    """Accuracy (plain read-out) before and after the rule, away from the networks it was meta-trained on.

    Args:
        rule: The rule.
        data: The data set.
        settings: networks, draws and batches; hidden widths are the grid's.
        widths, depths: Hidden widths by numbers of weight matrices, with ReLU (depth 1 has no hidden layer).
        activations: On a network of depth 2 and the middle width.
        sizes: The same data with other numbers of inputs, on that network.
        steps: inner steps.
    """
    middle = widths[len(widths) // 2]
    cells = [Cell("network", w, d) for d in depths for w in (widths if d > 1 else widths[:1])]
    cells += [Cell("activation", middle, activation=a) for a in activations]
    found = [_measured(rule, data, settings, cell, steps) for cell in cells]
    found += [_measured(rule, other, settings, Cell("inputs", middle), steps) for other in sizes]
    return [*found, _measured(rule, data, settings, Cell("order", middle, permuted=False), steps)]


def _measured(
    rule: UpdateRule, data: RuleData, settings: EvalSettings, cell: Cell, steps: int
) -> dict[str, Any]:
    bench = bench_of(data, settings.model_copy(update={"steps": (0, steps)}), permuted=cell.permuted)
    own = settings.model_copy(update={"hidden": (cell.width,) * (cell.depth - 1)})
    ends = [
        float(bench.score(mapped(rule, state, cell.activation)).plain.mean())
        for _, state in states(rule, bench, own, (0, steps), cell.activation)
    ]
    before, after = (round(value, 5) for value in ends)
    return {**asdict(cell), "inputs": data.x.shape[1], "before": before, "after": after}
