"""Shorten a comparison to a time budget, and list what was cut."""

from collections.abc import Mapping

from auxin.records.results import Record, Setting

SPARE = 0.85
"""The share of the budget that is planned for; the rest is a reserve for start-up and errors of the estimate."""


class Size(Record):
    """How much a comparison does.

    Attributes:
        tries: Settings tried per method.
        tuning_seeds: Seeds over which a try's validation score is averaged.
        seeds: reported seeds.
        length: Share of the full training length.
    """

    tries: int
    tuning_seeds: int
    seeds: int
    length: float = 1.0

    def cost(self, run_seconds: Mapping[str, float], jobs: int) -> float:
        """Wall seconds, given one full-length run's seconds for each method."""
        tuning = self.tries * self.tuning_seeds if self.tries > 1 else 0
        return sum(run_seconds.values()) * (tuning + self.seeds) * self.length / jobs


class SavedPlan(Size):
    """A shortened comparison and what was cut, on disk, so that a resumed comparison does not plan again."""

    cuts: list[str]


def fit(wanted: Size, run_seconds: Mapping[str, float], jobs: int, budget: float) -> tuple[Size, list[str]]:
    """The largest comparison that fits, and one sentence per thing that was cut.

    What hurts a claim least goes first: tuning seeds, then tries, then reported seeds down to 5, training length
    down to a half, seeds down to 3, length down to a quarter, and seeds down to 2.
    """
    size = wanted
    for name, most in _steps(wanted):
        if size.cost(run_seconds, jobs) <= budget * SPARE:
            break
        size = size.model_copy(update={name: min(getattr(size, name), most)})
    return size, _cuts(wanted, size, size.cost(run_seconds, jobs), budget)


def _steps(wanted: Size) -> list[tuple[str, float]]:
    """What is cut to how much, in this order."""
    return [
        *(("tuning_seeds", most) for most in (2, 1)),
        *(("tries", most) for most in range(wanted.tries - 1, 1, -1)),
        *(("seeds", most) for most in range(wanted.seeds - 1, 4, -1)),
        *(("length", most) for most in (0.75, 0.5)),
        *(("seeds", most) for most in (4, 3)),
        *(("tries", 1), ("length", 0.25), ("seeds", 2)),
    ]


def _cuts(wanted: Size, size: Size, cost: float, budget: float) -> list[str]:
    named = {"tries": "tries per method", "tuning_seeds": "tuning seeds", "seeds": "seeds"}
    pairs = {name: (getattr(size, name), getattr(wanted, name)) for name in named}
    cuts = [f"{named[name]}: {now} instead of {was}" for name, (now, was) in pairs.items() if now != was]
    if size.length != wanted.length:
        cuts.append(f"training length: {size.length:.0%} of the default")
    if cost > budget:
        cuts.append(
            f"the smallest comparison needs about {cost:.0f} s, more than the limit of {budget:.0f} s"
        )
    return cuts


def full_length(settings: Mapping[str, Setting]) -> int:
    """Return the number of steps of a run, or of epochs where it has no number of steps."""
    return next(value for name in ("steps", "epochs") if isinstance(value := settings[name], int))


def shortened(settings: dict[str, Setting], length: float) -> dict[str, Setting]:
    """Return the settings of a run that is shortened to a share of its length."""
    if length == 1.0:
        return settings
    found = dict(settings)
    for name in ("steps", "epochs"):
        value = found[name]
        if isinstance(value, int):
            found[name] = max(1, round(value * length))
    return found
