"""The front door: one call for the hypergradient of a bilevel problem, and one for whether it is any good."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from auxin import catalogue
from auxin.errors import ConfigError
from auxin.hypergradients._audit import repeated, reusable
from auxin.hypergradients._unroll import batches_of
from auxin.hypergradients.base import BilevelProblem, Estimator, Hypergradient, TrainingGradient
from auxin.math.functional import still, under_rng
from auxin.math.params import bare, dot, norm, trainable, walked
from auxin.optimizers import InnerStep, Optimizers


@torch._disable_dynamo  # pyright: ignore[reportPrivateImportUsage]  lazily, as torch's own optimisers do
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
    """Compute the hypergradient dL_A/dphi at the network's current parameters.

    Parameters, buffers, gradients, random state and optimiser state are bit-identical afterwards. A surrounding
    `torch.no_grad` changes nothing.

    Formula:
        With v = grad L_A and p from the estimator,

            dL_A/dphi = dR/dphi - d/dphi <p, grad_W L_T(W, phi)>

        `lookahead` takes p = -(dU/dg)^T v, with U the optimiser's own step and v at W+ = U(W, g); `implicit` takes
        p ~ H^-1 v, with v at W. The mixed product is one forward-mode pass of the network
        along p and an ordinary backward pass through the criterion.

    Args:
        problem: The network, the two losses and phi.
        train: Training batch, of L_T.
        meta: Meta batch, of L_A (None: the training batch).
        optimizer: The network's optimiser (or a list of all of them), for estimators that look through its step;
            an `InnerStep` where gradients are clipped.
        estimator: Name from `auxin ls hypergradients`, or an estimator.
        gradient: Training gradient on `train` (see `training_gradient`), if it was computed already.
        scale: "raw" (the exact derivative) or "unit" (its indirect part divided by the estimator's step size).
        options: Arguments of the named estimator, such as `solver="neumann"` of `implicit`.

    Returns:
        A `Hypergradient`: `gradients`, one tensor per element of phi, `outer_loss`, and `notes`, what was decided
        for you.

    Raises:
        ConfigError: `optimizer` is not an optimiser, or an option is unknown.
        UnsupportedError: The look-ahead does not know this optimiser's update.

    References:
        - Liu, Davison, Johns 2019, Self-Supervised Generalisation with Meta Auxiliary Learning (`lookahead`)
        - Navon et al. 2021, Auxiliary Learning by Implicit Differentiation (`implicit`)

    A network with one weight W = 1 and the training loss phi * W. One step of SGD with rate 0.1 gives W - 0.1 phi, so
    the derivative of L_A = W by phi is -0.1:

    >>> from torch import nn
    >>> network, phi = nn.Linear(1, 1, bias=False), torch.tensor(2.0, requires_grad=True)
    >>> problem = BilevelProblem(network, lambda s, b: phi * s.sum(), lambda s, b: s.sum(), [phi])
    >>> sgd = torch.optim.SGD(network.parameters(), lr=0.1)
    >>> batch = (torch.ones(1, 1),)
    >>> hypergradient(problem, batch, optimizer=sgd).gradients
    (tensor(-0.1000),)

    Where the training loss has a minimum, W* = phi here, implicit differentiation gives the derivative at it:

    >>> at_minimum = BilevelProblem(network, lambda s, b: ((s - phi) ** 2).sum(), lambda s, b: s.sum(), [phi])
    >>> hypergradient(at_minimum, batch, estimator="implicit", solver="dense").gradients
    (tensor(1.),)
    """
    if isinstance(estimator, str):
        estimator = _member(estimator)(**options)
    assert isinstance(estimator, Estimator)
    meta = train if meta is None else meta
    first = batches_of(train, 1)[0] if estimator.several_batches else train
    with torch.inference_mode(False), torch.enable_grad(), walked(bare(problem.network)):
        step = _inner_step(problem, optimizer)
        with repeated(problem, (first, meta), step):
            gradient = reusable(problem, train, gradient)
            return estimator.estimate(problem, train, meta, step, gradient, scale)


def _inner_step(problem: BilevelProblem, optimizer: Any) -> InnerStep | None:
    """The next step of the optimisers that were given, over the network's trainable parameters."""
    if optimizer is None or isinstance(optimizer, InnerStep):
        return optimizer
    several = list(optimizer) if isinstance(optimizer, list | tuple) else [optimizer]
    wrong = [each for each in several if not isinstance(each, torch.optim.Optimizer)]
    if wrong or not several:
        raise ConfigError(
            "The look-ahead needs the network's optimiser",
            expected="a torch.optim.Optimizer, several in a list, or an InnerStep",
            found=type(wrong[0]).__name__ if wrong else "an empty list",
        )
    return InnerStep(several, trainable(problem.network).values())


@cache
def _member(name: str) -> type[Estimator]:
    """The estimator of this name; finding its file every time would cost as much as a small network's forward."""
    return catalogue.load("hypergradients", name)


@dataclass(frozen=True)
class Diagnosis:
    """Diagnostics of one hypergradient.

    Attributes:
        norm: |dL_A/dphi|.
        cosine: Cosine to one-step look-ahead through the optimiser (None without one, or where either is zero).
        residual: Relative residual of the linear solver (None if there is no solver).
        influence: <p, grad l> per sample, [B], or per sample and task, [B, T]; a positive entry's loss, given
            more weight, lowers the outer loss.
        by_task: The influences' mean over the samples, [T] (None where tasks are not told apart).
        notes: Decisions made for the user, in sentences.
    """

    norm: float
    cosine: float | None
    residual: float | None
    influence: Tensor | None
    by_task: Tensor | None
    notes: list[str]

    def __str__(self) -> str:
        parts = [f"norm {self.norm:.3g}"]
        parts += [] if self.cosine is None else [f"cosine to one step {self.cosine:+.3f}"]
        parts += [] if self.residual is None else [f"solver residual {self.residual:.2g}"]
        parts += [] if self.by_task is None else [f"influence by task {_numbers(self.by_task)}"]
        return "; ".join(["hypergradient: " + ", ".join(parts), *self.notes])


def diagnose(
    problem: BilevelProblem,
    train: Any,
    meta: Any = None,
    *,
    optimizer: torch.optim.Optimizer | InnerStep | None = None,
    estimator: str | Estimator = "implicit",
    **options: Any,
) -> Diagnosis:
    """Estimate the hypergradient and measure how far it can be trusted.

    Nothing changes, the buffers of the auxiliary networks included.

    Formula:
        cosine = <h, h_1> / (|h| |h_1|), with h the estimate and h_1 the one-step look-ahead through the optimiser;
        residual = |H p - v| / |v| of the linear solver; influence of sample i: <p, grad l_i>.

    Args:
        problem: The network, the two losses and phi; with `problem.losses`, influences are by task.
        train: Training batch, of L_T.
        meta: Meta batch, of L_A (None: the training batch).
        optimizer: The network's optimiser, for the one-step estimate (None: no cosine).
        estimator: Name from `auxin ls hypergradients`, or an estimator.
        options: Arguments of the named estimator; "implicit" measures its residual.

    Returns:
        A `Diagnosis`: `norm`, `cosine`, `residual`, `influence`, `by_task` and `notes`. Printing it gives one line.

    Raises:
        ConfigError: `optimizer` is not an optimiser, or an option is unknown.

    References:
        - Navon et al. 2021, Auxiliary Learning by Implicit Differentiation, equation 6
        - Koh and Liang 2017, Understanding Black-box Predictions via Influence Functions

    A training loss (W - phi)^2 with its minimum at phi. The exact solver leaves no residual, and the estimate points
    where one step of SGD points:

    >>> from torch import nn
    >>> network, phi = nn.Linear(1, 1, bias=False), torch.tensor(2.0, requires_grad=True)
    >>> problem = BilevelProblem(network, lambda s, b: ((s - phi) ** 2).sum(), lambda s, b: s.sum(), [phi])
    >>> sgd = torch.optim.SGD(network.parameters(), lr=0.1)
    >>> print(diagnose(problem, (torch.ones(1, 1),), optimizer=sgd, solver="dense"))
    hypergradient: norm 1, cosine to one step +1.000, solver residual 0
    """
    if estimator == "implicit":
        options.setdefault("measure", True)
    with still(problem.auxiliary), under_rng(None):
        found = hypergradient(problem, train, meta, optimizer=optimizer, estimator=estimator, **options)
        one = hypergradient(problem, train, meta, optimizer=optimizer).gradients if optimizer else None
    told_apart = found.influence is not None and found.influence.dim() == 2
    return Diagnosis(
        norm=float(norm(found.gradients)) if found.gradients else 0.0,
        cosine=None if one is None else cosine(found.gradients, one),
        residual=found.residual,
        influence=found.influence,
        by_task=found.influence.mean(0) if told_apart and found.influence is not None else None,
        notes=found.notes,
    )


def cosine(a: Sequence[Tensor], b: Sequence[Tensor]) -> float | None:
    """The cosine of the angle between two vectors, None where either is zero."""
    size = float(norm(a) * norm(b)) if a else 0.0
    return float(dot(a, b)) / size if size else None


def _numbers(values: Tensor) -> str:
    return "[" + ", ".join(f"{v:+.2g}" for v in values.tolist()) + "]"
