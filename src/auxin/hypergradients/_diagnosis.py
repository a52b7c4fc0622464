"""Is a hypergradient any good? Its norm, cosine to the one-step estimate, residual and influences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from auxin.hypergradients._front import hypergradient
from auxin.hypergradients.base import BilevelProblem, Estimator
from auxin.math.functional import still, under_rng
from auxin.math.params import dot, norm
from auxin.optimizers import InnerStep


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
