"""Checks of values, such as whether all are finite: evaluated at once, or counted on the device and read later.

A check that is evaluated at once makes the host wait for the device, so later steps cannot be queued. Within
`deferred()` every check passes, and failures are counted on the device. The caller that opened the context reads the
counts once, and discards what was computed after a failure.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(eq=False)
class FailureCounts:
    """Number of failures of each check.

    Attributes:
        counts: Number of failures by check: 0-dimensional tensors on the device of the values.
    """

    counts: dict[str, Tensor] = field(default_factory=dict)

    def add(self, what: str, wrong: Tensor) -> None:
        """Add failures of a check: a 0-dimensional bool or count."""
        before = self.counts.get(what)
        self.counts[what] = wrong + 0 if before is None else before + wrong

    def update(self, counts: Mapping[str, Tensor]) -> None:
        """Add the failures that another object counted."""
        for what, wrong in counts.items():
            self.add(what, wrong)

    def failed(self) -> list[str]:
        """Return the checks that failed at least once. Waits for the device."""
        return [what for what, count in self.counts.items() if int(count)]


_OPEN: list[FailureCounts] = []
_TRACING: list[bool] = []


@contextmanager
def deferred() -> Iterator[FailureCounts]:
    """Count failures without waiting for the device. The innermost `deferred` counts.

    >>> import torch
    >>> with deferred() as doubts:
    ...     holds(torch.tensor([True, False]), "all is well"), holds(torch.tensor(True), "the rest")
    (True, True)
    >>> doubts.failed(), holds(torch.tensor([True, False]), "all is well")
    (['all is well'], False)
    """
    doubts = FailureCounts()
    _OPEN.append(doubts)
    try:
        yield doubts
    finally:
        _OPEN.pop()


def holds(condition: Tensor, what: str) -> bool:
    """Return whether every entry is true. Within `deferred`, return True and count a failure under `what`."""
    if not _OPEN:
        return bool(condition.all())
    _OPEN[-1].add(what, ~condition.all())
    return True


def deferring() -> bool:
    """Return whether checks are deferred."""
    return bool(_OPEN)


def put_off(counts: Mapping[str, Tensor]) -> None:
    """Add the failures of a recorded step to the innermost `deferred`."""
    _OPEN[-1].update(counts)


@contextmanager
def tracing() -> Iterator[None]:
    """Mark that a step is being recorded, to be replayed with other values: no value may be read."""
    _TRACING.append(True)
    try:
        yield
    finally:
        _TRACING.pop()


def traced() -> bool:
    """Whether a step is being recorded."""
    return bool(_TRACING)
