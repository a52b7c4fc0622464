"""The front door: one call for the hypergradient of a bilevel problem."""

from functools import cache
from typing import Any

import torch

from auxin import catalogue
from auxin.errors import ConfigError, message
from auxin.hypergradients._base import BilevelProblem, Estimator, Hypergradient, TrainingGradient
from auxin.math.params import trainable
from auxin.optimizers import InnerStep, Optimizers


def hypergradient(
    problem: BilevelProblem,
    train: Any,
    meta: Any = None,
    *,
    optimizer: Optimizers | InnerStep | None = None,
    estimator: str | Estimator = "lookahead",
    gradient: TrainingGradient | None = None,
    scale: str = "raw",
    **options: Any,
) -> Hypergradient:
    """dL_A/dphi at the network's current parameters; nothing but its result changes.

    Args:
        problem: the two losses, the network and phi.
        train: the training batch, of L_T.
        meta: the meta batch, of L_A (None: the training batch).
        optimizer: the primary network's optimiser (or all of them, in a list), for estimators that look through its
            step; an `InnerStep` where gradients are clipped.
        estimator: a name among `auxin ls hypergradients`, or an estimator.
        gradient: the training gradient on `train`, if it is at hand.
        scale: "raw" (the exact derivative) or "unit" (its indirect part divided by the estimator's step
        size).
        options: the named estimator's own arguments.

    Raises:
        ConfigError: `optimizer` is no optimiser.

    Returns:
        The gradients, one per element of phi, with the outer loss and what was decided for you.

    >>> import torch.nn as nn
    >>> net, w = nn.Linear(1, 1, bias=False), torch.tensor(2.0, requires_grad=True)
    >>> problem = BilevelProblem(net, lambda s, b: w * s.sum(), lambda s, b: s.sum(), [w])
    >>> sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    >>> hypergradient(problem, (torch.ones(1, 1),), optimizer=sgd).gradients
    (tensor(-0.1000),)
    """
    if isinstance(estimator, str):
        estimator = _member(estimator)(**options)
    assert isinstance(estimator, Estimator)
    meta = train if meta is None else meta
    return estimator.estimate(problem, train, meta, _inner_step(problem, optimizer), gradient, scale)


def _inner_step(problem: BilevelProblem, optimizer: Any) -> InnerStep | None:
    """The next step of the optimisers that were given, over the network's trainable parameters."""
    if optimizer is None or isinstance(optimizer, InnerStep):
        return optimizer
    several = list(optimizer) if isinstance(optimizer, list | tuple) else [optimizer]
    wrong = [each for each in several if not isinstance(each, torch.optim.Optimizer)]
    if wrong or not several:
        raise ConfigError(
            message(
                "The look-ahead needs the network's optimiser",
                expected="a torch.optim.Optimizer, several in a list, or an InnerStep",
                found=type(wrong[0]).__name__ if wrong else "an empty list",
            )
        )
    return InnerStep(several, trainable(problem.network).values())


@cache
def _member(name: str) -> type[Estimator]:
    """The estimator of this name; finding its file every time would cost as much as a small network's forward."""
    return catalogue.load("hypergradients", name)
