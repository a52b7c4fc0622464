"""A method is labeler + combiner + estimator + strategy, as data."""

from auxin import catalogue
from auxin.combiners._base import Combiner, TrainedBy
from auxin.errors import ConfigError
from auxin.labelers._base import Labeler
from auxin.methods._base import Method

__all__ = ["Method", "names", "resolve"]

WEIGHTS = ({"combiner.scale": 1.0}, {"combiner.scale": 3.0}, {"combiner.scale": 0.3})
"""The auxiliary weights tried where a method has no knob of its own."""

_ORIGINS = ("methods", "labelers", "combiners", "pretexts")


def names() -> list[str]:
    """Everything `--methods` understands: the methods' files, then labelers, combiners and pretexts by themselves."""
    found: dict[str, None] = {}
    for family in _ORIGINS:
        found.update(dict.fromkeys(catalogue.names(family)))
    return list(found)


def resolve(name: str) -> Method:
    """The method of this name.

    Raises:
        ConfigError: there is none; the nearest names are offered.

    >>> resolve("single").control
    True
    >>> resolve("random").labeler
    'random'
    """
    if name in catalogue.names("methods"):
        return catalogue.load("methods", name)
    if name in catalogue.names("labelers"):
        return _from_labeler(name, catalogue.load("labelers", name))
    family = name.partition(":")[0]  # torchjd:upgrad is the combiner torchjd with the aggregator upgrad
    if family in catalogue.names("combiners"):
        return _from_combiner(name, catalogue.load("combiners", family))
    if name in catalogue.names("pretexts"):
        return Method(pretexts=(name,), unlabelled=True, knob=WEIGHTS)
    raise ConfigError(catalogue.unknown("method", name, names()))


def _from_labeler(name: str, labeler: type[Labeler]) -> Method:
    estimator = "lookahead" if labeler.learned else None
    return Method(labeler=name, estimator=estimator, knob=WEIGHTS, paper=labeler.paper)


def _from_combiner(name: str, combiner: type[Combiner]) -> Method:
    learned = combiner.trained_by is TrainedBy.HYPERGRADIENT
    return Method(
        given=True,
        combiner=name,
        estimator="lookahead" if learned else None,
        unlabelled=True,
        needs_auxiliary=True,
        knob=tuple({f"combiner.{name}": value for name, value in tried.items()} for tried in combiner.knob),
        paper=combiner.paper,
    )
