"""Static weighting: the main loss plus auxiliary losses with weights that were given."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from auxin.combiners.base import LossCombiner, TaskLosses, number
from auxin.errors import ConfigError

_DO = "Write weights=0.5, weights='0.5,0.1' or weights='species=0.5,box=0.1'"


class Static(LossCombiner):
    """L = m_0 + sum_(k>0) w_k m_k with the weights that were given; what a grid search goes through.

    Args:
        count: Number of tasks, the main one included.
        weights: One weight for all auxiliaries, or one for each in their order (a sequence, or text with
            commas); `Static.build(tasks, weights="species=0.5,box=0.1")` takes them by name.

    Raises:
        ConfigError: A weight is negative, missing, of an unknown task, or is no number.

    >>> losses = TaskLosses(torch.tensor([[1.0, 2.0, 4.0]]), torch.ones(1, 3) > 0, ("a", "b", "c"))
    >>> Static(3, weights="0.5,0.25")(losses).item()
    3.0
    """

    tuning = ({"weights": 1.0}, {"weights": 0.3}, {"weights": 3.0})
    given: Tensor

    def __init__(self, count: int, weights: float | str | Sequence[float] = 1.0) -> None:
        super().__init__(count)
        values = _read(weights, count - 1)
        self.register_buffer("given", torch.tensor([1.0, *values]))

    @classmethod
    def build(cls, tasks: Sequence[str], **options: Any) -> "Static":
        """The combiner for these tasks, main first; weights may be given by task name."""
        weights = options.get("weights")
        if isinstance(weights, str) and "=" in weights:
            options["weights"] = _by_name(weights, list(tasks[1:]))
        return super().build(tasks, **options)  # type: ignore[return-value]

    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar."""
        means = self.check(losses).means()
        return (self.given * means).sum()


def _read(weights: float | str | Sequence[float], others: int) -> list[float]:
    if isinstance(weights, str):
        weights = [_float(part) for part in weights.split(",")]
        weights = weights[0] if len(weights) == 1 else weights
    if isinstance(weights, (int, float)):
        weights = [float(weights)] * others
    if len(weights) != others:
        wrong = "The weights do not fit the tasks"
        raise ConfigError(wrong, expected=f"one weight, or {others}", found=f"{len(weights)}", do=_DO)
    return [number("weights", w) for w in weights]


def _by_name(text: str, auxiliaries: list[str]) -> list[float]:
    pairs = [part.partition("=") for part in text.split(",")]
    named = {name.strip(): _float(value) for name, _, value in pairs}
    if set(named) != set(auxiliaries):
        wrong = "The weights do not fit the tasks"
        expected = "a weight for each of: " + ", ".join(auxiliaries)
        raise ConfigError(wrong, expected=expected, found=", ".join(named), do=_DO)
    return [named[name] for name in auxiliaries]


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no weight", expected="a number", do=_DO) from None
