"""CIFAR-100 with few coarse labels and several auxiliaries on all rows: the stand-in for CUB's attributes."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from auxin.data import Dataset, Splits, make_splits
from auxin.methods import resolve
from auxin.methods.base import Method, Setting
from auxin.recipes._candidates import cifar100, only
from auxin.runs.build import PreparedRun, build
from auxin.runs.settings import layered
from auxin.studies.recipe import one_rate
from auxin.training.evaluate import score
from auxin.training.loop import EpochCallbacks, fit
from auxin.training.objective import Objective

TASKS = ("fine60", "ten", "animal", "colour", "drawn")
"""A noisy fine label, two useful attributes, a doubtful and a useless one."""

STAND_IN = (
    "CIFAR-100 (20 coarse classes, 10 labels per class, five auxiliaries on all rows: fine labels with 60 % noise, the "
    "ten-class level, animal, mean colour, random labels) and a small ConvNet in the place of CUB and ResNet-18."
)
LABELS = 10


@cache
def data(folder: Path) -> Dataset:
    """The rows."""
    return only(cifar100(folder), *TASKS)


@cache
def splits(folder: Path, seed: int, auxiliary: float) -> Splits:
    """10 labels per class, a share of them the auxiliary set, no validation rows."""
    return make_splits(
        data(folder), seed=seed, labels_per_class=LABELS, validation=0.0, auxiliary=auxiliary, test=0.5
    )


def method(combiner: str, *, learns: bool) -> Method:
    """The combiner as a method, trained by implicit differentiation, or not at all."""
    return replace(resolve(combiner), estimator="implicit" if learns else None)


def settings(steps: int, **user: Setting) -> dict[str, Setting]:
    """Every hyperparameter: the small ConvNet, and AuxiLearn's meta step every 10 by Neumann's three terms."""
    own: Mapping[str, Setting] = {
        "steps": steps,
        "model.channel_width": 16,
        "lr": 0.03333,
        "every": 10,
        "meta_lr": 0.01,
        "estimator.solver": "neumann",
        "estimator.terms": 3,
        **user,
    }
    return layered("cifar100", "image", method("monotone", learns=True), "auxin", own, {})


def train(
    folder: Path,
    seed: int,
    auxiliary: float,
    method: Method,
    flat: Mapping[str, Setting],
    taught: Objective | None = None,
) -> tuple[PreparedRun, float]:
    """Train, and the accuracy on the development rows.

    Args:
        folder: Folder of CIFAR-100.
        seed: Seed of rows, networks and batches.
        auxiliary: The share of the labels that are held out for the meta step.
        method: The method.
        flat: Every hyperparameter.
        taught: Take this criterion's combiner instead of a fresh one.
    """
    rows = splits(folder, seed, auxiliary)
    meta = "auxiliary" if auxiliary and method.estimator is not None else "next"
    built = build(data(folder), rows, method, {**flat, "meta": meta}, seed, taught=taught)
    one_rate(built.state.learner.meta_optimizer, float(flat["meta_lr"] or 0))
    fit(built.state, built.plan, EpochCallbacks())
    return built, score(built.network, built.pool, rows.development, built.task)
