"""The hypergradient of AuxiLearn's authors, and their optimiser for it, beside ours."""

import copy
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from auxin.combiners.base import TaskLosses
from auxin.combiners.linear import Linear
from auxin.hypergradients import BilevelProblem
from auxin.hypergradients.implicit import Implicit
from auxin.models.vgg16 import VGG16

ALPHA, TERMS, TASKS = 1e-3, 3, 3


def trajectories(folder: Path) -> None:
    """Print how far hypergradients and learned weights are apart over two meta steps of a small regression."""
    optim = _theirs(folder, "optim")
    torch.manual_seed(0)
    alpha, rate = 0.01, 0.05
    trunk = [nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, TASKS)) for _ in range(2)]
    trunk[1].load_state_dict(trunk[0].state_dict())
    theirs, mine = nn.Parameter(torch.ones(TASKS)), Linear(TASKS, form="clipped", main="learned")
    mine.to(theirs.dtype)
    x, y = torch.randn(40, 6), torch.randn(40, TASKS)
    meta = optim.MetaOptimizer(
        torch.optim.SGD([theirs], lr=rate, momentum=0.9, weight_decay=5e-4), hpo_lr=alpha, truncate_iter=TERMS
    )
    step = torch.optim.SGD(mine.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)
    inner = [torch.optim.SGD(network.parameters(), lr=alpha) for network in trunk]
    worst = 0.0
    for _ in range(2):
        for rows in torch.arange(40).split(10):
            for network, optimizer, weigh in zip(
                trunk, inner, (lambda m: (theirs * m).sum(), _weighing(mine)), strict=True
            ):
                optimizer.zero_grad()
                weigh(_means(network(x[rows]), y[rows])).backward()
                optimizer.step()
        outer = _means(trunk[0](x[:10]), y[:10])[0]
        loss = (theirs * _means(trunk[0](x[10:20]), y[10:20])).sum()
        [expected] = meta.step(loss, outer, list(trunk[0].parameters()), [theirs], return_grads=True)
        [weights] = mine.parameters()
        found = _estimate(
            trunk[1], _weighing(mine), weights, (x[10:20], y[10:20]), (x[:10], y[:10]), alpha, False
        )
        worst = max(worst, float((found - expected).abs().max() / expected.abs().max()))
        weights.grad = found
        nn.utils.clip_grad_norm_(mine.parameters(), 10)
        step.step()
    gap = float((next(iter(mine.parameters())) - theirs).detach().abs().max())
    print("| hypergradient, relative | loss weights after 2 meta steps |\n| ---: | ---: |")
    print(f"| {worst:.1e} | {gap:.1e} |")
    print(
        "\nOurs is without the factor alpha (`factor=False`), as their code is; with it, it is alpha times theirs."
    )


def work(folder: Path, narrow: int, side: str = "both") -> dict[str, dict[str, Callable[[], Tensor]]]:
    """A hypergradient of three tasks' weights on VGG-16, by side; the forwards and the meta loss are part of it.

    100 random images of 32 x 32 in the training batch and as many in the meta batch.
    """
    torch.manual_seed(0)
    network = nn.Sequential(VGG16(3, 32, 32, channel_width=64 // narrow), nn.Linear(512 // narrow, TASKS))
    phi = nn.Parameter(torch.ones(TASKS))
    train, meta = ((torch.randn(100, 3, 32, 32), torch.randn(100, TASKS)) for _ in range(2))
    found: dict[str, Callable[[], Tensor]] = {}
    if side != "ours":
        own = copy.deepcopy(network)
        solver = _theirs(folder, "implicit_diff").Hypergrad(learning_rate=ALPHA, truncate_iter=TERMS)

        def theirs() -> Tensor:
            loss = (phi * _means(own(train[0]), train[1])).sum()
            outer = _means(own(meta[0]), meta[1])[0]
            return solver.grad(outer, loss, [phi], list(own.parameters()))[0]

        found["theirs"] = theirs
    if side != "theirs":
        found["ours"] = lambda: _estimate(network, lambda m: (phi * m).sum(), phi, train, meta, ALPHA, True)
    return {"hypergradient": found}


def _estimate(
    network: nn.Module,
    weigh: Callable[[Tensor], Tensor],
    phi: nn.Parameter,
    train: tuple[Tensor, Tensor],
    meta: tuple[Tensor, Tensor],
    alpha: float,
    checked: bool,
) -> Tensor:
    """Our hypergradient, without the factor alpha; `checked` leaves the check of the first batch out."""
    problem = BilevelProblem(
        network,
        criterion=lambda signals, batch: weigh(_means(signals, batch[1])),
        outer=lambda signals, batch: _means(signals, batch[1])[0],
        phi=[phi],
    )
    estimator = Implicit("neumann", check=not checked, alpha=alpha, terms=TERMS, power_steps=0, factor=False)
    return estimator.estimate(problem, train, meta).gradients[0]


def _means(signals: Any, y: Tensor) -> Tensor:
    return (signals - y).square().mean(0)


def _weighing(mine: Linear) -> Callable[[Tensor], Tensor]:
    present = torch.ones(1, TASKS, dtype=torch.bool)
    return lambda means: mine(TaskLosses(means[None], present, ("a", "b", "c")))


def _theirs(folder: Path, name: str) -> Any:
    """A file of theirs, imported under a name of the package that it asks for."""
    sys.modules.setdefault("auxilearn", SimpleNamespace(__path__=[str(folder / "auxilearn")]))  # type: ignore[arg-type]
    for each in dict.fromkeys(("implicit_diff", name)):  # the optimiser imports the hypergradient
        file = folder / "auxilearn" / f"{each}.py"
        spec = importlib.util.spec_from_file_location(f"auxilearn.{each}", file)
        assert spec is not None
        assert spec.loader is not None
        found = importlib.util.module_from_spec(spec)
        sys.modules[f"auxilearn.{each}"] = found
        spec.loader.exec_module(found)
    return sys.modules[f"auxilearn.{name}"]
