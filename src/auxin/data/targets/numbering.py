"""A target that numbers the rows: it is rarely meant, and a model learns nothing of use from it."""

import torch
from torch import Tensor

FEWEST = 20
"""Labelled rows from which a target of distinct whole numbers in steps of one is noted."""


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
