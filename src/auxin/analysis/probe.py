"""Would an auxiliary help? AuxiLearn's Proposition 1 on a network trained on the main task alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from auxin.math.params import Vector, axpy, dot, norm, scale
from auxin.math.products import Product, differentiate, gauss_newton, hessian
from auxin.models.base import PrimaryNetwork
from auxin.solvers.base import Solver
from auxin.tasks.base import Task
from auxin.training.curvature import task_curvature
from auxin.typing import Batch, Signals

Table = NDArray[np.float64]
Curvature = Literal["gauss_newton", "hessian"]
CHUNK = 250
"""Rows of one product with the curvature."""


@dataclass(frozen=True)
class CandidateScores:
    """One candidate's scores, for every pair of a held-out batch (rows) and a batch of its own (columns).

    Attributes:
        newton: -<grad L_A, (H + damping I)^-1 grad l>, [A, B]: what a unit of weight on the auxiliary adds to the main
            task's held-out loss. Negative helps.
        cosine: Of grad L_A and grad l, [A, B]: the gradient similarity. Positive helps.
        length: |grad l| of each batch, [B].
    """

    newton: Table
    cosine: Table
    length: Table


@dataclass(frozen=True)
class Directions:
    """The held-out gradients and what H^-1 makes of them.

    Attributes:
        gradients: grad L_A of each held-out batch.
        solved: (H + damping I)^-1 of each.
        residual: The largest relative residual of the solutions, or None where the solver does not know.
    """

    gradients: list[Vector]
    solved: list[Vector]
    residual: float | None


def fit_head(
    head: nn.Module, features: Tensor, target: Tensor, task: Task, decay: float = 1e-4, steps: int = 100
) -> float:
    """Fit a task's head on frozen features, by L-BFGS; its loss at the end.

    Proposition 1 asks for the candidate's gradient where its own head has settled: at a random head the gradient on
    the trunk is mostly the head's noise.

    Args:
        head: From features to the task's outputs; changed.
        features: What the trunk puts out, [N, width] or [N, width, H, W].
        target: The candidate's labels, [N] or [N, ...].
        task: The candidate.
        decay: The weight of |head|^2 / 2, which keeps a separable problem finite.
        steps: At most so many iterations.
    """
    parameters = [p.requires_grad_() for p in head.parameters()]
    optimizer = torch.optim.LBFGS(parameters, max_iter=steps, line_search_fn="strong_wolfe")
    found = torch.zeros(())

    def closure() -> Tensor:
        nonlocal found
        optimizer.zero_grad()
        found = mean_loss(task, head(features), target)
        total = found + decay / 2 * torch.stack([p.square().sum() for p in parameters]).sum()
        total.backward()
        return total

    with torch.enable_grad():
        optimizer.step(closure)
    return float(found.detach())


def mean_loss(task: Task, output: Tensor, target: Tensor) -> Tensor:
    """The task's mean loss over the samples that carry its label."""
    return task.loss(output, target).sum() / task.present(target).sum().clamp(min=1)


def curvature_product(
    network: PrimaryNetwork, task: Task, batch: Batch, curvature: Curvature = "gauss_newton"
) -> Product:
    """The product with H of the main task's mean loss on these rows, over the network's trainable parameters.

    Args:
        network: With the main task's head alone; parameters that do not require a gradient are constants.
        task: The main task.
        batch: Rows that all carry its label.
        curvature: The Gauss-Newton matrix, or the Hessian.
    """
    parts = [_rows(batch, rows) for rows in torch.arange(len(batch)).split(CHUNK)]
    products = [_chunk_product(network, task, part, curvature) for part in parts]
    shares = [len(part) / len(batch) for part in parts]

    def product(vector: Vector) -> Vector:
        total = scale(shares[0], products[0](vector))
        for share, one in zip(shares[1:], products[1:], strict=True):
            total = axpy(share, one(vector), total)
        return total

    return product


def _chunk_product(network: PrimaryNetwork, task: Task, batch: Batch, curvature: Curvature) -> Product:
    params = [p for p in network.parameters() if p.requires_grad]
    target = batch.y[task.name]
    if curvature == "hessian":

        def loss(signals: Signals) -> Tensor:
            assert isinstance(signals, Mapping)
            return mean_loss(task, signals[task.name], target)

        return hessian(network, params, (batch.x,), loss).product
    present = task.present(target)
    weights = (present / present.sum().clamp(min=1)).to(batch.x.dtype).unsqueeze(1)

    def around(signals: Signals):  # noqa: ANN202
        assert isinstance(signals, Mapping)
        return task_curvature({task.name: task}, {task.name: target}, signals, weights)

    return gauss_newton(network, params, (batch.x,), around).product


def directions(
    network: PrimaryNetwork, task: Task, held_out: Sequence[Batch], product: Product, solver: Solver
) -> Directions:
    """grad L_A on each held-out batch, and (H + damping I)^-1 times it.

    Args:
        network: With the main task's head; H is over its trainable parameters.
        task: The main task.
        held_out: Batches of rows that carry its label and did not train the network.
        product: With H.
        solver: With its own damping.
    """
    params = [p for p in network.parameters() if p.requires_grad]
    gradients = []
    for batch in held_out:
        with torch.enable_grad():
            loss = mean_loss(task, network(batch.x)[task.name], batch.y[task.name])
        gradients.append(differentiate([loss], params))
    solutions = [solver.solve(product, gradient) for gradient in gradients]
    residuals = [s.residual for s in solutions if s.residual is not None]
    return Directions(gradients, [s.vector for s in solutions], max(residuals, default=None))


def candidate_scores(
    found: Directions,
    trunk: nn.Module,
    params: Sequence[Tensor],
    head: nn.Module,
    task: Task,
    batches: Sequence[Batch],
) -> CandidateScores:
    """A candidate's scores: Navon et al. 2021, proposition 1, equation 5, read as

        score = -<grad L_A, (H + damping I)^-1 grad l>

    with l the candidate's loss. As printed, with grad L_T in the place of grad l, it is zero at convergence.

    Args:
        found: Result of `directions`.
        trunk: Inputs to features.
        params: The parameters that `found` is over; those that the candidate does not reach (the main task's head)
            have zeros.
        head: The candidate's, fitted (`fit_head`).
        task: The candidate.
        batches: Rows that carry its label.
    """
    newton, cosine, length = [], [], []
    for batch in batches:
        with torch.enable_grad():
            loss = mean_loss(task, head(trunk(batch.x)), batch.y[task.name])
        own = differentiate([loss], params)
        size = float(norm(own))
        newton.append([-float(dot(p, own)) for p in found.solved])
        cosine.append([float(dot(v, own)) / max(float(norm(v)) * size, 1e-30) for v in found.gradients])
        length.append(size)
    return CandidateScores(np.array(newton).T, np.array(cosine).T, np.array(length))


def resampled(tables: Sequence[Table], draws: int = 2000, seed: int = 0) -> tuple[float, float, float]:
    """The mean over seeds of each table's mean, with a 95 % bootstrap interval.

    A draw takes seeds, and within each its held-out batches and its candidate's batches, with replacement: both kinds
    of batches are samples.

    Args:
        tables: A table [A, B] per seed.
        draws: Number of draws.
        seed: Seed of the draws.

    >>> resampled([np.ones((3, 4))])
    (1.0, 1.0, 1.0)
    """
    generator = np.random.default_rng(seed)
    means = np.empty(draws)
    for i in range(draws):
        chosen = generator.integers(len(tables), size=len(tables))
        means[i] = np.mean([_redrawn(tables[k], generator) for k in chosen])
    low, high = np.quantile(means, [0.025, 0.975])
    return float(np.mean([table.mean() for table in tables])), float(low), float(high)


def _redrawn(table: Table, generator: np.random.Generator) -> float:
    rows, columns = (generator.integers(n, size=n) for n in table.shape)
    return float(table[np.ix_(rows, columns)].mean())


def _rows(batch: Batch, rows: Tensor) -> Batch:
    return Batch(batch.x[rows], {name: target[rows] for name, target in batch.y.items()}, batch.rows[rows])
