"""AuxiLearn's synthetic regressions: one linear model shared by all tasks, its losses combined by learned weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from auxin.combiners.base import LossCombiner, TaskLosses
from auxin.combiners.linear import Linear
from auxin.hypergradients import BilevelProblem
from auxin.hypergradients.implicit import Implicit
from auxin.recipes._pictures import lines
from auxin.studies.recipe import PictureData
from auxin.typing import Signals

Rows = tuple[Tensor, Tensor]
"""Inputs [N, D] and the targets of every task, main first, [N, T]."""


@dataclass(frozen=True)
class RegressionTraining:
    """How W and the weights are trained: algorithm 1 of Navon et al. 2021.

    Attributes:
        steps: inner steps, gradient descent on the whole training set.
        rate: Their learning rate.
        every: inner steps per meta step.
        meta_rate: learning rate of phi, SGD with momentum 0.9 as in appendix B.
        form: Form of the weights, see `Linear`.
        scale: The weights to begin with.
        terms: products in the Neumann series, whose alpha is the inner learning rate.
    """

    steps: int = 2000
    rate: float = 0.05
    every: int = 10
    meta_rate: float = 0.05
    form: str = "positive"
    scale: float = 1.0
    terms: int = 3


@dataclass
class RegressionPath:
    """W, the weights and the losses over training.

    Attributes:
        w: The model's weights, [steps / every + 1, D].
        weights: Every task's weight, the main one included, [.., T].
        raw: The parameter behind the auxiliaries' weights at the end, [T - 1].
        outer: The main task's loss on the auxiliary set, [..].
    """

    w: list[Tensor] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)
    raw: Tensor = field(default_factory=lambda: torch.zeros(0))
    outer: list[float] = field(default_factory=list)


def learn(
    train: Rows,
    outer: Rows,
    settings: RegressionTraining,
    bias: bool = False,
    combiner: LossCombiner | None = None,
) -> RegressionPath:
    """Train W on `train` and phi on `outer` by turns.

    Args:
        train: The rows of L_T.
        outer: The rows of L_A; those of `train` for appendix C.1.
        settings: The settings.
        bias: Whether the model has one.
        combiner: Combiner of the losses, in float64; None: linear weights of the form and scale of `settings`.

    Returns:
        The path; it ends early where the main loss is above a million or not finite.
    """
    tasks = train[1].shape[1]
    network = nn.Linear(train[0].shape[1], 1, bias=bias).double()
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    combiner = (
        Linear(tasks, scale=settings.scale, form=settings.form).double() if combiner is None else combiner
    )
    names = tuple(map(str, range(tasks)))

    def losses_of(output: Tensor, batch: Rows) -> TaskLosses:
        losses = (output - batch[1]).square()
        return TaskLosses(losses, torch.ones_like(losses, dtype=torch.bool), names)

    def criterion(output: Tensor, batch: Rows) -> Tensor:
        return combiner(losses_of(output, batch))

    def main(output: Signals, batch: Rows) -> Tensor:
        assert isinstance(output, Tensor)
        return (output[:, 0] - batch[1][:, 0]).square().mean()

    problem = BilevelProblem(network, criterion, main, combiner.phi())
    estimator = Implicit("neumann", alpha=settings.rate, terms=settings.terms, power_steps=0)
    inner = torch.optim.SGD(network.parameters(), lr=settings.rate)
    meta = torch.optim.SGD(combiner.phi(), lr=settings.meta_rate, momentum=0.9)
    path = RegressionPath()
    for step in range(settings.steps + 1):
        if step % settings.every == 0:
            with torch.no_grad():
                path.w.append(network.weight[0].clone())
                losses = losses_of(network(train[0]), train)
                path.outer.append(float(main(network(outer[0]), outer)))
            path.weights.append(combiner.task_weights(losses).detach().clone())
            if not path.outer[-1] < 1e6:
                break
            if step:
                _meta_step(problem, estimator, meta, train, outer)
                combiner.after_meta_step()
        inner.zero_grad()
        criterion(network(train[0]), train).backward()
        inner.step()
    path.raw = combiner.phi()[0].detach().clone()
    return path


def _meta_step(
    problem: BilevelProblem, estimator: Implicit, meta: torch.optim.Optimizer, train: Rows, outer: Rows
) -> None:
    found = estimator.estimate(problem, train, outer)
    for parameter, gradient in zip(problem.phi, found.gradients, strict=True):
        parameter.grad = gradient
    meta.step()


def least_squares(rows: Rows, weights: Tensor) -> Tensor:
    """The minimiser of sum_k weight_k (x w - y_k)^2, without a bias, [D]."""
    x, y = rows
    target = (y @ weights.to(y)) / weights.to(y).sum()
    return torch.linalg.lstsq(x, target.unsqueeze(1)).solution[:, 0]


def draw(
    generator: torch.Generator, rows: int, directions: Tensor, deviations: Tensor, folded: bool = False
) -> Rows:
    """Inputs from N(0, 1), targets x w_k + noise of the given standard deviations.

    Args:
        generator: The only source of randomness.
        rows: N.
        directions: w_k by task, [T, D].
        deviations: Standard deviations by task, [T].
        folded: Take the absolute value of the auxiliaries' noise (appendix C.3).
    """
    x = torch.randn(rows, directions.shape[1], generator=generator, dtype=torch.float64)
    noise = torch.randn(rows, len(directions), generator=generator, dtype=torch.float64) * deviations
    if folded:
        noise[:, 1:] = noise[:, 1:].abs()
    return x, x @ directions.T + noise


SINGLE = torch.tensor([1.0, 0.0, 0.0])
"""The weights of single-task training."""
NAMES = ("main", "helpful", "harmful")
HARMFUL = torch.tensor([[1.0, 1.0], [1.0, 1.0], [2.0, -4.0]], dtype=torch.float64)
"""w* for the main and the helpful task, w~ for the harmful one (section 5.1)."""


def shared_line(seed: int) -> tuple[Rows, Rows]:
    """Training and auxiliary rows of section 5.1's regression, 20 each; sigma_main 2, sigma_aux 0.5."""
    generator = torch.Generator().manual_seed(seed)
    deviations = torch.tensor([2.0, 0.5, 0.5], dtype=torch.float64)
    return draw(generator, 20, HARMFUL, deviations), draw(generator, 20, HARMFUL, deviations)


def weight_lines(weights: Mapping[str, np.ndarray], title: str, training: RegressionTraining) -> PictureData:
    """Every task's weight over the steps."""
    steps = np.arange(weights["main"].shape[1]) * training.every
    return lines("weights", title, "step", "weight", steps, weights, words={n: n for n in weights})


def distance(w: Tensor) -> float:
    """How far W is from w*."""
    return float((w - HARMFUL[0]).norm())
