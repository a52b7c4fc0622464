"""Losses that are not finite: an auxiliary's is left out and named, the main task's ends the run."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from auxin.combiners.base import TaskLosses
from auxin.data.targets.domains import FEW
from auxin.errors import RunError
from auxin.math.deferred import deferring, holds


def screen(
    values: Sequence[Tensor], present: Sequence[Tensor], names: Sequence[str]
) -> tuple[TaskLosses, tuple[str, ...]]:
    """The tasks' losses as one, without the auxiliaries whose loss is NaN or infinite anywhere in this batch.

    A task that is left out has no label in this batch and no graph: masking after the fact would not do,
    since zero times an infinite derivative is NaN.

    Args:
        values: Each task's losses, [B] or [B, H, W], main first; zero where the label is missing.
        present: Which of them carry a label, bool, the same shapes.
        names: The tasks' names, main first.

    Returns:
        the losses, and the names of the tasks that were left out.

    Raises:
        RunError: The main task's loss is not finite.

    >>> good, bad = torch.tensor([1.0, 2.0]), torch.tensor([3.0, float("nan")])
    >>> losses, dropped = screen([good, bad], [good > 0, good > 0], ["breed", "species"])
    >>> losses.means().tolist(), dropped
    ([1.5, 0.0], ('species',))
    """
    pairs = zip(names, values, strict=True)
    whole = torch.stack(list(values), 1)
    if not deferring() and math.isfinite(
        float(whole.detach().sum())
    ):  # a sum of finite losses alone is finite
        return TaskLosses(whole, torch.stack(list(present), 1), tuple(names)), ()
    finite = [holds(torch.isfinite(v.detach()), f"the loss of {name!r} is finite") for name, v in pairs]
    if not finite[0]:
        wrong = f"The loss of the main task {names[0]!r} is not finite, so training has diverged"
        do = "Lower the learning rate, clip the gradient, or look for extreme inputs and labels"
        raise RunError(wrong, expected="finite losses", do=do)
    kept = [v if ok else torch.zeros_like(v) for v, ok in zip(values, finite, strict=True)]
    there = [p if ok else torch.zeros_like(p) for p, ok in zip(present, finite, strict=True)]
    dropped = tuple(name for name, ok in zip(names, finite, strict=True) if not ok)
    return TaskLosses(torch.stack(kept, 1), torch.stack(there, 1), tuple(names)), dropped


def imbalanced(
    means: Tensor, names: Sequence[str], ratio: float = 100.0, domains: Mapping[str, int | None] | None = None
) -> list[str]:
    """One sentence for each auxiliary whose mean loss is more than `ratio` times the main one's, or less than 1/ratio.

    Args:
        means: Mean losses.
        names: The tasks' names, main first.
        ratio: The bound.
        domains: Number of labels (None: not counted) of each task that is the main one on another source's rows: with
            its output and unit, so that there is nothing to scale.

    >>> imbalanced(torch.tensor([1.0, 2000.0, 1.2]), ["breed", "weight", "species"])
    ["The loss of 'weight' is 2e+03 times that of 'breed': scale its targets or its loss."]
    """
    main = float(means[0])
    found = []
    for name, mean in zip(names[1:], means[1:].tolist(), strict=True):
        if main > 0 and mean > 0 and not 1 / ratio <= mean / main <= ratio:
            times = f"{mean / main:.0e}"
            shared = name in (domains or {})
            do = _remedy((domains or {})[name]) if shared else "scale its targets or its loss"
            found.append(f"The loss of {name!r} is {times} times that of {names[0]!r}: {do}.")
    return found


def _remedy(labels: int | None) -> str:
    """What to do about the loss of a domain with so many labels."""
    if labels is not None and labels < FEW:
        count = "1 label" if labels == 1 else f"{labels} labels"
        return (
            f"it has {count}, expected {FEW} or more. Merge this domain with another, or leave its rows out"
        )
    count = "" if labels is None else f"{labels:,} "
    return (
        f"its {count}labels have the main ones' unit. Look whether they mean the same, or leave its rows out"
    )
