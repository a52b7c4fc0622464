"""What a meta-training run is made of: its estimator, and task families over arrays."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional as F

from auxin.data import load
from auxin.errors import ConfigError, DataError
from auxin.requests.rule import TrainSettings
from auxin.rules.gradients import PersistentES, PoolEstimator, TruncatedGradient
from auxin.rules.objective import OBJECTIVES
from auxin.rules.tasks_arrays import ArrayFamily


def estimator_of(settings: TrainSettings) -> PoolEstimator:
    """The estimator that the settings name.

    Raises:
        ConfigError: An unknown estimator or objective.
    """
    if settings.objective not in OBJECTIVES:
        raise ConfigError(
            f"Unknown objective {settings.objective!r}", expected=f"one of: {', '.join(OBJECTIVES)}"
        )
    objective = OBJECTIVES[settings.objective]
    makers: dict[str, Callable[[], PoolEstimator]] = {
        "truncated": lambda: TruncatedGradient(
            objective, settings.batch, settings.shots, settings.every_state, settings.recompute
        ),
        "persistent_es": lambda: PersistentES(objective, settings.batch, settings.shots, seed=settings.seed),
    }
    if settings.estimator not in makers:
        raise ConfigError(
            f"Unknown estimator {settings.estimator!r}", expected=f"one of: {', '.join(makers)}"
        )
    return makers[settings.estimator]()


def cifar10_family(root: str | None) -> ArrayFamily:
    """CIFAR-10's training images at 16 x 16.

    Raises:
        DataError: No folder given.
    """
    if root is None:
        raise DataError(
            "The mix names cifar10, but there is no folder to read it from",
            do="Give --root, the folder that holds the cifar10 folder, or --procedural.",
        )
    folder = Path(root) / "cifar10"
    dataset = load("cifar10", folder if folder.is_dir() else Path(root))
    rows = ~dataset.official_test
    return ArrayFamily(
        F.adaptive_avg_pool2d(dataset.x[rows].float() / 255, 16), dataset.y[dataset.main][rows]
    )


def family_of(file: str) -> ArrayFamily:
    """A task family over a file of the user's own: its inputs and its main target."""
    dataset = load(file)
    x = dataset.dense("The training of a rule")
    x = x.float() / (255.0 if x.dtype == torch.uint8 else 1.0)
    y = dataset.y[dataset.main]
    known = y >= 0
    return ArrayFamily(x[known], y[known].long())
