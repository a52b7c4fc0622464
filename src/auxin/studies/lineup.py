"""The methods of a comparison: names to methods, their untrained twins, and the notes on them."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from auxin import strategies
from auxin.data import Dataset, Splits
from auxin.errors import ConfigError, message
from auxin.methods import full_name, names, resolve
from auxin.methods.base import Method
from auxin.pretexts import possible
from auxin.records.results import RunResult, Setting
from auxin.runs.applicable import EVERY, applicable, auxiliaries
from auxin.runs.build import PreparedRun
from auxin.runs.settings import options

SELF_MADE = ("single", "rotation", "random", "clusters", "maxl_frozen", "maxl")
"""Compared where the user names nothing, on images without auxiliary labels."""
ON_VECTORS = ("single", "denoising", "masking", "random", "clusters", "maxl_frozen", "maxl")
"""The same on a table: nothing can be rotated, and generated labels need a main task of classes."""
GIVEN = ("single", "equal", "softmax", "gradient_cosine")
"""The same where the data give auxiliary labels: these are what is to be judged."""
REFINED = ("given", "maxl_frozen", "maxl")
"""Beside those where an auxiliary refines the main task: the finer labels against generated ones."""
UNLABELLED = ("fixmatch", "fixmatch_spread")
"""Beside those where the main task is one of classes; they take part where some training rows carry no main label."""
RIVALS = ("logistic", "ridge", "svc", "extra_trees", "gradient_boosting", "label_spreading")
"""What a person would use instead, trained on the same rows: those that the main task allows."""
WIDE = 200
"""Boosted trees are left out of the usual methods where the inputs have more numbers than this: they take too long."""
MANY = 1.05
"""A method that takes more than this many times the steps of single-task training gets a note."""


class Lineup(NamedTuple):
    """The methods that take part.

    Attributes:
        methods: Methods by name, `single` first.
        requested: Those that the user named.
    """

    methods: dict[str, Method]
    requested: set[str]


def usual(dataset: Dataset) -> list[str]:
    """What is compared where the user names nothing: the methods that suit the data, `single` first.

    >>> from auxin.data import load
    >>> usual(load("digits"))[:6]
    ['single', 'rotation', 'random', 'clusters', 'maxl_frozen', 'maxl']
    >>> usual(load("digits"))[6:]
    ['fixmatch', 'fixmatch_spread', 'logistic', 'svc', 'extra_trees', 'label_spreading']
    """
    given = auxiliaries(dataset)
    if given:
        offered = [*GIVEN, *(REFINED if dataset.parents else ())]
        if len(given) == 1:  # weights with a fixed sum have nothing to share among one
            offered.remove("softmax")
    else:
        square = len(dataset.shape) == 3 and dataset.shape[1] == dataset.shape[2]
        offered = list(SELF_MADE if square and not dataset.tasks[dataset.main].dense else ON_VECTORS)
    offered = [*offered, *UNLABELLED, *RIVALS]
    if dataset.modality != "vector" or math.prod(dataset.shape) > WIDE:
        offered.remove("gradient_boosting")
    return [name for name in offered if applicable(resolve(name), dataset) is None]


def line_up(
    wanted: Sequence[str], dataset: Dataset, notify: Callable[[str], None], *, twins: bool = True
) -> Lineup:
    """The methods of these names and groups that can run on the data, with `single` and their untrained twins.

    Args:
        wanted: Names, `all` or `usual`.
        dataset: Data.
        notify: Function that receives a sentence about every decision.
        twins: Whether the untrained twins of learned methods take part.

    Raises:
        ConfigError: A name is unknown, or a method that the user named cannot run on the data.
    """
    groups = {"all": names(), "usual": usual(dataset)}
    given = bool(auxiliaries(dataset))
    requested = [full_name(name, given) for name in wanted if name not in groups]
    offered = [full_name(name, given) for group in wanted for name in groups.get(group, [])]
    found: dict[str, Method] = {}
    for name in dict.fromkeys(["single", *requested, *offered]):
        method = resolve(name)
        reason = applicable(method, dataset)
        if reason is None:
            found[name] = method
        elif name in requested:
            raise ConfigError(message(f"The method {name!r} cannot run on {dataset.name}: {reason}"))
        else:
            notify(f"The method {name} is left out: {reason}")
    _note_methods(wanted, given, found, notify)
    if "single" not in [*requested, *offered]:
        notify("Added `single` (single-task training) as the baseline.")
    if twins:
        found |= _twins(found, notify)
    return Lineup(found, set(requested))


def _note_methods(
    wanted: Sequence[str], given: bool, found: dict[str, Method], notify: Callable[[str], None]
) -> None:
    """Print which method each strategy without a method is applied to."""
    bare = {name: full_name(name, given) for name in (names() if "all" in wanted else wanted)}
    defaults = [
        f"{short} stands for {full}" for short, full in bare.items() if full != short and full in found
    ]
    if defaults:
        notify(f"{'; '.join(dict.fromkeys(defaults))}.")


def _twins(found: dict[str, Method], notify: Callable[[str], None]) -> dict[str, Method]:
    """Return the untrained twins that are not yet in the comparison."""
    missing = {m.twin: name for name, m in found.items() if m.twin and m.twin not in found}
    if missing:
        pairs = ", ".join(f"{twin} beside {name}" for twin, name in missing.items())
        notify(
            f"Added untrained versions of the learned methods, to measure what learning adds: {pairs} (--no-twins: "
            "off)."
        )
    return {twin: resolve(twin) for twin in missing}


def check_strategy(
    name: str, method: Method, splits: Splits, settings: dict[str, Setting], built: PreparedRun
) -> None:
    """Refuse a strategy that cannot run on these rows, with these options, or with such a network.

    Raises:
        ConfigError: The strategy needs validation rows and there are none, an option is unknown, or the strategy
            refuses the network.
    """
    strategies.build(method.strategy, options(settings, "strategy")).refuse(built)
    for part in method.strategy.split(":"):
        if strategies.build(part).needs_validation and not len(splits.validation):
            wrong = f"The method {name} needs validation rows, and there are none"
            raise ConfigError(wrong, do="Hold out some rows with --validation 0.2")


def step_costs(finals: Sequence[RunResult]) -> list[str]:
    """Return a sentence for each method that takes many more steps than single-task training."""
    first = {run.method: run for run in reversed(finals)}
    methods = dict.fromkeys(run.method for run in finals)
    steps = {m: float(np.mean([r.steps or np.nan for r in finals if r.method == m])) for m in methods}
    single = steps.get("single", float("nan"))
    return [
        f"{name} takes {many:,.0f} steps per run, {many / single:.1f} times as many as single-task training."
        for name, many in steps.items()
        if len(first[name].phases) > 1 and many > MANY * single
    ]


def pool_notes(methods: Mapping[str, Method], dataset: Dataset) -> list[str]:
    """A sentence on what is in the pool of each method that takes every auxiliary there is."""
    made, given = " + ".join(possible(dataset.shape)), ", ".join(auxiliaries(dataset)) or "none"
    pools = ", ".join(name for name, method in methods.items() if EVERY in method.pretexts)
    sentence = f"{pools}: auxiliary tasks are {made} (self-supervised) and {given} (from the data)."
    return [sentence] if pools else []
