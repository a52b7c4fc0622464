"""A target that numbers the rows, or is a single row's: rarely meant, and nothing of use can be learned."""

import torch
from torch import Tensor

FEWEST = 20
"""Labelled rows from which either is noted."""


def numbering_note(name: str, target: Tensor) -> list[str]:
    """A sentence where the target holds each whole number of a range once, in the rows' order or in another.

    Args:
        name: Name of the target.
        target: Its numbers, [N], NaN where missing.

    >>> numbering_note("no", torch.arange(1.0, 41.0))[0].partition(". ")[0]
    "The target 'no' holds each whole number from 1 to 40 once, in the rows' order"
    >>> numbering_note("price", 0.5 * torch.arange(40.0))
    []
    """
    known = target[~target.isnan()]
    if len(known) < FEWEST or bool((known != known.floor()).any()):
        return []
    ordered = known.sort().values
    if bool((ordered.diff() != 1).any()):
        return []
    place = ", in the rows' order" if torch.equal(known, ordered) else ""
    return [
        f"The target {name!r} holds each whole number from {ordered[0]:.0f} to {ordered[-1]:.0f} once{place}. "
        "If it only numbers the rows, name another target."
    ]


HALF = 0.5
"""One row with a larger share of a target's variance is said."""


def lone_note(name: str, target: Tensor) -> list[str]:
    """A sentence where one row holds most of the variance of a target of numbers: a slip, or a score of one row.

    >>> lone_note("price", torch.tensor([*range(30), 900.0]))[0].partition(":")[0]
    "One row (900) holds 96 % of the variance of the target 'price'"
    """
    known = target[~target.isnan()].double()
    square = (known - known.mean()).square() if len(known) else known
    if len(known) < FEWEST or float(square.max()) <= HALF * float(square.sum()):
        return []
    return [
        f"One row ({known[square.argmax()]:g}) holds {100 * square.max() / square.sum():.0f} % of the variance of the "
        f"target {name!r}: R² scores little else. Correct it if it is a slip; else score by mae, or take logarithms."
    ]
