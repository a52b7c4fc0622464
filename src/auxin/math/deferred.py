"""Questions about values, such as whether all are finite: asked at once, or counted and answered later.

Asking makes the host wait until the device has got that far, so a step that asks cannot be queued ahead of
the device. Within `deferred()` the answer is taken for yes, and every no is counted where the values are;
whoever opened it looks at the counts once, and takes back what was built on a wrong answer.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(eq=False)
class FailureCounts:
    """How often each question was answered with no.

    Attributes:
        counts: By question, 0-dimensional, on the device of the values.
    """

    counts: dict[str, Tensor] = field(default_factory=dict)

    def add(self, what: str, wrong: Tensor) -> None:
        """Count one no, or none, for this question (a 0-dimensional bool or count)."""
        before = self.counts.get(what)
        self.counts[what] = wrong + 0 if before is None else before + wrong

    def update(self, counts: Mapping[str, Tensor]) -> None:
        """Count what others counted."""
        for what, wrong in counts.items():
            self.add(what, wrong)

    def found(self) -> list[str]:
        """The questions that got a no; waits for the device."""
        return [what for what, count in self.counts.items() if int(count)]


_OPEN: list[FailureCounts] = []
_TRACING: list[bool] = []


@contextmanager
def deferred() -> Iterator[FailureCounts]:
    """Within, no question waits for the device; the inmost `deferred` counts.

    >>> import torch
    >>> with deferred() as doubts:
    ...     holds(torch.tensor([True, False]), "all is well"), holds(torch.tensor(True), "the rest")
    (True, True)
    >>> doubts.found(), holds(torch.tensor([True, False]), "all is well")
    (['all is well'], False)
    """
    doubts = FailureCounts()
    _OPEN.append(doubts)
    try:
        yield doubts
    finally:
        _OPEN.pop()


def holds(condition: Tensor, what: str) -> bool:
    """Whether every entry is true; within `deferred`, yes, and a no is counted under `what`."""
    if not _OPEN:
        return bool(condition.all())
    _OPEN[-1].add(what, ~condition.all())
    return True


def deferring() -> bool:
    """Whether questions are put off."""
    return bool(_OPEN)


def put_off(counts: Mapping[str, Tensor]) -> None:
    """Count, in the inmost `deferred`, what a recorded step counted."""
    _OPEN[-1].update(counts)


@contextmanager
def tracing() -> Iterator[None]:
    """Within, a step is being recorded to be played again with other values: no value may be read."""
    _TRACING.append(True)
    try:
        yield
    finally:
        _TRACING.pop()


def traced() -> bool:
    """Whether a step is being recorded."""
    return bool(_TRACING)
