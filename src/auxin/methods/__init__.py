"""A method is labeler + combiner + estimator + strategy, as data."""

from dataclasses import replace

from auxin import catalogue
from auxin.combiners.base import Combiner, TrainedBy
from auxin.errors import ConfigError, message
from auxin.methods.base import Method

__all__ = ["UNTRAINED", "Method", "full_name", "inner_name", "names", "resolve"]

WEIGHTS = ({"combiner.scale": 1.0}, {"combiner.scale": 3.0}, {"combiner.scale": 0.3})
"""The auxiliary weights tried where a method has no values of its own."""

VIEWS = {"unlabelled_ratio": 2.0}
"""Batches of a consistency hold more rows without a main label than with one, as in FixMatch (7 to 1 in the paper)."""

UNTRAINED = "untrained"
"""Prefix of an untrained twin: `untrained:NAME` is the method NAME with nothing learned."""

_ORIGINS = ("methods", "labelers", "combiners", "pretexts", "consistency", "rivals", "strategies")


def names() -> list[str]:
    """All names that `--methods` accepts without a colon: the methods' files, then the labelers, combiners, pretexts,
    consistencies, rivals from scikit-learn and strategies."""
    found: dict[str, None] = {}
    for family in _ORIGINS:
        found.update(dict.fromkeys(catalogue.names(family)))
    return list(found)


def full_name(name: str, auxiliaries: bool) -> str:
    """The name of a method in full: a bare strategy is completed by the method that it is applied to by default.

    Args:
        name: Name of a method.
        auxiliaries: Whether the data give auxiliary labels; the default method of a strategy depends on it.

    >>> full_name("refit", True), full_name("guard:refit", False), full_name("refit:linear", True)
    ('refit:softmax', 'guard:refit:maxl', 'refit:linear')
    >>> full_name("joint:softmax", True), full_name("maxl", True)
    ('softmax', 'maxl')
    """
    head, _, rest = name.partition(":")
    if head not in catalogue.names("strategies"):
        return name
    if not rest:
        given, without = catalogue.load("strategies", head).default
        rest = given if auxiliaries or without is None else without
    rest = full_name(rest, auxiliaries)
    return rest if head == "joint" else f"{head}:{rest}"


def inner_name(name: str) -> str:
    """The name of the method that the outermost strategy of a name is applied to; other names are returned unchanged.

    >>> inner_name("guard:refit:softmax"), inner_name("softmax"), inner_name("torchjd:upgrad")
    ('refit:softmax', 'softmax', 'torchjd:upgrad')
    """
    head, _, rest = name.partition(":")
    return rest if rest and head in catalogue.names("strategies") else name


def resolve(name: str) -> Method:
    """The method of this name; `STRATEGY:METHOD` is the method trained by the strategy, `untrained:METHOD` its twin.

    A bare strategy is applied to its default for data that give auxiliary labels.

    Raises:
        ConfigError: No method has this name (the error lists the nearest names), or the parts of the name cannot be
            combined.

    >>> resolve("single").control
    True
    >>> resolve("random").labeler
    'random'
    >>> refit = resolve("refit:softmax")
    >>> refit.strategy, refit.combiner, refit.twin
    ('refit', 'softmax', 'refit:untrained:softmax')
    """
    if name in catalogue.names("methods"):
        return _with_twin(name, catalogue.load("methods", name))
    if name in catalogue.names("labelers"):
        labeler = catalogue.load("labelers", name)
        estimator = "lookahead" if labeler.learned else None
        method = Method(labeler=name, estimator=estimator, tuning=WEIGHTS, paper=labeler.paper)
        return _with_twin(name, method)
    family, _, rest = name.partition(":")  # torchjd:upgrad is the combiner torchjd with the aggregator upgrad
    if family in catalogue.names("combiners"):
        return _from_combiner(name, catalogue.load("combiners", family))
    if name in catalogue.names("rivals"):
        return Method(rival=name, unlabelled=catalogue.load("rivals", name).unlabelled)
    if name in catalogue.names("consistency"):
        paper = catalogue.load("consistency", name).paper
        return Method(consistency=name, unlabelled=True, tuning=WEIGHTS, paper=paper, settings=VIEWS)
    if name in catalogue.names("pretexts"):
        return Method(pretexts=(name,), unlabelled=True, tuning=WEIGHTS)
    if family in catalogue.names("strategies"):
        return _with_strategy(family, rest) if rest else resolve(full_name(name, True))
    if family == UNTRAINED and rest:
        return _untrained(rest, resolve(rest))
    raise ConfigError(catalogue.unknown("method", name, names()))


def _with_twin(name: str, method: Method) -> Method:
    return method if method.twin or method.control else replace(method, twin=f"{UNTRAINED}:{name}")


def _from_combiner(name: str, combiner: type[Combiner]) -> Method:
    learned = combiner.trained_by is TrainedBy.HYPERGRADIENT
    method = Method(
        given=True,
        combiner=name,
        estimator="lookahead" if learned else None,
        unlabelled=True,
        needs_auxiliary=True,
        published={f"combiner.{option}": value for option, value in combiner.published.items()},
        tuning=tuple(
            {f"combiner.{name}": value for name, value in tried.items()} for tried in combiner.tuning
        ),
        paper=combiner.paper,
    )
    return _with_twin(name, method)


def _with_strategy(strategy: str, name: str) -> Method:
    inner, member = resolve(name), catalogue.load("strategies", strategy)
    if strategy == "joint":
        return inner
    reason = member.why_not(inner)
    if inner.strategy != "joint" and not member.wraps:
        reason = f"{inner.strategy} is a strategy, and only some, such as guard, can hold another"
    if reason is not None:
        raise ConfigError(message(f"{strategy} cannot be applied to {name}: {reason}"))
    return replace(
        inner,
        strategy=strategy if inner.strategy == "joint" else f"{strategy}:{inner.strategy}",
        trial=inner.trial or member.learns,
        twin=member.twin(strategy, inner.twin) if inner.twin else None,
        tuning=inner.tuning if member.tuning is None else member.tuning,
        paper=member.paper or inner.paper,
    )


def _untrained(name: str, method: Method) -> Method:
    if method.strategy != "joint" or method.estimator is None:
        reason = (
            "it is a strategy" if method.strategy != "joint" else "it learns nothing by the hypergradient"
        )
        do = (
            f"Write the strategy first, as in refit:{UNTRAINED}:softmax" if method.strategy != "joint" else ""
        )
        raise ConfigError(f"{name} has no untrained twin: {reason}", do=do)
    return replace(method, estimator=None, twin=None)
