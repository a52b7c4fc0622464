"""The time that the rest of a round of units takes, estimated from those that have finished."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Protocol


class Work(Protocol):
    """A piece of work, as far as its time goes."""

    @property
    def like(self) -> str:
        """Pieces that are like the same thing take about as long."""
        ...

    @property
    def cost(self) -> float:
        """About how long it takes beside the others, for as long as none like it has finished."""
        ...


@dataclass(eq=False)
class Remaining:
    """The times of the pieces that have finished, and an estimate of the others'.

    A piece takes the mean time of the finished ones like it; where there are none, its cost times the time per cost of
    all that have finished. Side by side they take as much less as those before. Starting processes is no progress.

    >>> from types import SimpleNamespace
    >>> short, long = (SimpleNamespace(like=name, cost=cost) for name, cost in (("short", 1.0), ("long", 5.0)))
    >>> clock = Remaining()
    >>> clock.finish(short, 2.0, now=12.0)
    >>> clock.left([(short, 0.5), (long, 0.0)], now=13.0)
    11.0
    """

    taken: dict[str, list[float]] = field(default_factory=dict)
    _cost: float = 0.0
    _begun: float = float("inf")

    def finish(self, work: Work, seconds: float, now: float) -> None:
        """Enter a piece that has just finished, and the time that it took."""
        self.taken.setdefault(work.like, []).append(seconds)
        self._cost += work.cost
        self._begun = min(self._begun, now - seconds)

    def expected(self, work: Work) -> float | None:
        """The seconds of a piece; None before anything has finished that tells them."""
        if work.like in self.taken:
            return fmean(self.taken[work.like])
        total = sum(map(sum, self.taken.values()))
        return work.cost * total / self._cost if total > 0 else None

    def left(self, rest: Sequence[tuple[Work, float]], now: float) -> float | None:
        """The seconds that the rest takes.

        Args:
            rest: The pieces that have not finished, and the finished share of each.
            now: The time, by `time.monotonic`.
        """
        each = [(self.expected(work), share) for work, share in rest]
        if not all(seconds is not None for seconds, _ in each):
            return None
        whole = [(seconds or 0.0, share) for seconds, share in each]
        done = sum(map(sum, self.taken.values())) + sum(seconds * share for seconds, share in whole)
        ahead = [seconds * (1 - share) for seconds, share in whole]
        side_by_side = done / max(now - self._begun, 1e-9)
        return max(sum(ahead) / side_by_side, *ahead, 0.0)
