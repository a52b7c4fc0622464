"""The engine of every study: a study is a list of units of work, computed anywhere, and a judgement over them.

done = {}
while there are units in study.units(done) that are not in done:
    compute them (read back those that are finished on disk) and enter their records in done
study.judge(done)
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from statistics import fmean
from typing import Any

from auxin.records.results import Record, RunResult
from auxin.runs.executors import Executor
from auxin.runs.rows import RunSpec
from auxin.store import digest_of, read_unit

UnitResults = Mapping[str, Any]
"""Records of the finished units, by digest."""


@dataclass(frozen=True)
class Progress:
    """The progress of a study, reported after every unit and at intervals in between.

    Attributes:
        phase: The kind of units.
        done: How many are finished.
        total: How many there will be.
        last: The record of the unit that has just finished, if one has.
        running: The finished share of those in progress, in units.
        left: Function that gives the seconds that the others are expected to take; it gives None while nothing tells.
    """

    phase: str
    done: int
    total: int
    last: Any = None
    running: float = 0.0
    left: Callable[[], float | None] | None = None


NotifyProgress = Callable[[Progress | str], None]
"""Called with progress, and with sentences about what was decided for the user."""


@dataclass(frozen=True)
class Unit:
    """One piece of work that is computed whole, in whichever process takes it.

    Attributes:
        kind: What it is part of, for progress: `tuning runs`, `final runs`, `seeds` ...
        name: What it is, within the study.
        identity: everything that its record depends on: settings, seed, content of the data, split, metric, hash of
            a rule file. Two units are the same where their identities are; nothing else is compared on resuming.
        work: computes the record and writes it to `file`, with the digest in it. It must be picklable.
        file: Where the record is written.
        record: Its type, which has fields `digest` and `seconds`.
        like: Units that are like the same thing take about as long.
        cost: About how long it takes beside the study's other units, for as long as none like it has finished.
    """

    kind: str
    name: str
    identity: Mapping[str, Any]
    work: Callable[[], Record] = field(compare=False)
    file: Path = field(compare=False)
    record: type[Record] = field(compare=False)
    like: str = field(default="", compare=False)
    cost: float = field(default=1.0, compare=False)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the identity."""
        return digest_of(self.identity)

    def finished(self) -> Record | None:
        """The record, where this very unit is finished.

        Raises:
            RunError: The record's file is corrupt.
        """
        return read_unit(self.file, self.record, self.digest)


@dataclass(eq=False)
class Remaining:
    """The times of the units that have finished, and an estimate of the others'.

    A unit takes the mean time of the finished ones like it; where there are none, its cost times the time per cost of
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

    def finish(self, unit: Unit, seconds: float, now: float) -> None:
        """Enter a unit that has just finished, and the time that it took."""
        self.taken.setdefault(unit.like, []).append(seconds)
        self._cost += unit.cost
        self._begun = min(self._begun, now - seconds)

    def expected(self, unit: Unit) -> float | None:
        """The seconds of a unit; None before anything has finished that tells them."""
        if unit.like in self.taken:
            return fmean(self.taken[unit.like])
        total = sum(map(sum, self.taken.values()))
        return unit.cost * total / self._cost if total > 0 else None

    def left(self, rest: Sequence[tuple[Unit, float]], now: float) -> float | None:
        """The seconds that the rest takes.

        Args:
            rest: The units that have not finished, and the finished share of each.
            now: The time, by `time.monotonic`.
        """
        each = [(self.expected(unit), share) for unit, share in rest]
        if not all(seconds is not None for seconds, _ in each):
            return None
        whole = [(seconds or 0.0, share) for seconds, share in each]
        done = sum(map(sum, self.taken.values())) + sum(seconds * share for seconds, share in whole)
        ahead = [seconds * (1 - share) for seconds, share in whole]
        side_by_side = done / max(now - self._begun, 1e-9)
        return max(sum(ahead) / side_by_side, *ahead, 0.0)


class Study(ABC):
    """A list of units, round by round, and a judgement.

    Attributes:
        done: finished units' records by digest; filled by `run_study`, and readable after an interruption.
        plan: Every unit, to show in the progress where rounds hold a few of them each.
        clocks: Times of the units that were computed, by kind of unit.
    """

    done: dict[str, Any]
    plan: Sequence[Unit] = ()
    clocks: dict[str, Remaining]

    @abstractmethod
    def units(self, done: UnitResults) -> list[Unit]:
        """The units of the current round, finished ones included; the study ends where all of them are finished.

        A later round may depend on the records of an earlier one: a comparison gives its final runs once the tuning
        runs are done.
        """

    @abstractmethod
    def judge(self, done: UnitResults) -> Any:
        """What the study found. It must also work on a part of the units: after an interruption."""


def run_study(study: Study, executor: Executor, notify: NotifyProgress) -> Any:
    """Compute a study's units and judge them.

    Args:
        study: The study.
        executor: Where the units are computed.
        notify: Function that is called with progress.

    Returns:
        what `study.judge` gives.
    """
    study.done, study.clocks = {}, {}
    while True:
        units = study.units(study.done)
        if all(unit.digest in study.done for unit in units):
            return study.judge(study.done)
        compute(units, executor, notify, study)


def compute(units: Sequence[Unit], executor: Executor, notify: NotifyProgress, study: Study) -> None:
    """Enter the records of one round's units in `study.done`: those on disk first, then those that are computed."""
    done, left = study.done, list[Unit]()
    for unit in units:
        record = done.get(unit.digest) or unit.finished()
        if record is None:
            left.append(unit)
        else:
            done[unit.digest] = record
    stale = sum(unit.file.exists() for unit in left)
    if stale:
        notify(f"{stale} results in the folder belong to other data or settings and are recomputed.")
    phase, finished = units[0].kind, len(units) - len(left)
    shares = {str(unit.file.parent): 0.0 for unit in left}
    every, clock = study.plan or units, study.clocks.setdefault(phase, Remaining())

    def seconds_left() -> float | None:
        rest = [(unit, shares.get(str(unit.file.parent), 0.0)) for unit in every if unit.digest not in done]
        return clock.left(rest, time.monotonic())

    def show(last: Any = None) -> None:
        notify(Progress(phase, finished, len(every), last, sum(shares.values()), seconds_left))

    def on_share(folder: str, share: float) -> None:
        if folder in shares:  # a piece of a recipe may report folders of runs of its own
            shares[folder] = share
        show()

    show()
    for found in executor.map([unit.work for unit in left], on_share):
        if found is None:
            show()
            continue
        number, record = found
        done[left[number].digest] = record
        clock.finish(left[number], record.seconds, time.monotonic())
        shares.pop(str(left[number].file.parent), None)
        finished += 1
        show(record)


def run_unit(kind: str, spec: RunSpec) -> Unit:
    """A training run as a unit."""
    from auxin.runs.run import RESULT, execute

    name = f"{spec.phase}/{spec.method}/{spec.attempt}/seed-{spec.seed}"
    work, file = partial(execute, spec), Path(spec.folder) / RESULT
    return Unit(kind, name, spec.identity, work, file, RunResult, like=spec.method)
