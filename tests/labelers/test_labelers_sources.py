"""The mixture of sources: its formula, and what cross-validation makes of good and bad ones."""

import math

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor, nn

from auxin.labelers._cross_validated import expectation_maximisation, held_out, mixture_weights
from auxin.labelers.base import LabelerContext
from auxin.labelers.sources import Sources
from auxin.math.hierarchy import Hierarchy
from auxin.sources import Source, SourceInputs
from auxin.sources.logistic import LogisticSource
from auxin.sources.spread import Spread
from auxin.typing import Batch


def context() -> LabelerContext:
    draw = torch.Generator().manual_seed(1)
    labels = torch.arange(3).repeat(20)
    x = torch.eye(3, dtype=torch.float64)[labels] * 3
    x = x + torch.randn(60, 3, generator=draw, dtype=torch.float64)
    y = labels.clone()
    y[30:] = -1
    return LabelerContext(
        "y", Hierarchy((1, 1, 1)), x, {"y": y}, torch.randperm(60, generator=draw), nn.Identity, 4
    )


def test_the_mixture_is_its_formula() -> None:
    given = context()
    made = Sources.build(given, members="spread+logistic+forest", by_row=True)
    with torch.no_grad():
        made.weight.copy_(torch.tensor([0.3, -0.2, 0.1]))
        made.slope.copy_(torch.tensor([1.0, -2.0, 0.5]))
    batch = Batch(given.x, dict(given.y), given.rows)
    said = made.table[given.rows.argsort().argsort()].numpy()
    entropy = -np.where(said > 0, said * np.log(np.maximum(said, 1e-300)), 0).sum(2)
    logits = np.array([0.3, -0.2, 0.1]) + np.array([1.0, -2.0, 0.5]) * (1 - entropy / math.log(3) - 0.5)
    weights = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    wanted = (weights[:, :, None] * said).sum(1)
    found = made(batch).detach().numpy()
    assert np.isnan(found[:30]).all()
    assert np.abs(found[30:] - wanted[30:]).max() < 1e-7


def test_a_source_that_says_nothing_is_left_out_of_the_mixture() -> None:
    given = context()
    made = Sources.build(given, members="spread+network")
    alone = Sources.build(given, members="spread")
    batch = Batch(given.x, dict(given.y), given.rows)
    assert torch.allclose(made(batch)[30:], alone(batch)[30:])


def test_a_limit_keeps_every_labelled_row_and_so_many_others() -> None:
    given = context()
    made = Sources.build(given, members="spread", limit=7)
    found = made(Batch(given.x, dict(given.y), given.rows))
    assert int((~found.isnan().any(1)).sum()) == 7
    assert len(made.keys) == 37
    assert set(given.rows[:30].tolist()) <= set(made.keys.tolist())


def test_held_out_guesses_do_not_see_the_row() -> None:
    given = context()
    known = SourceInputs(given.x, given.y["y"], 3, seed=4)
    honest = held_out(LogisticSource(), known)
    labels = known.y[:30].clone()
    flipped = labels.clone()
    flipped[0] = (labels[0] + 1) % 3
    other = SourceInputs(given.x, torch.cat([flipped, known.y[30:]]), 3, seed=4)
    # row 0's own guess depends on its label through the folds alone; with the same folds it stays as it is
    assert honest.shape == (30, 3)
    assert float((honest.argmax(1) == labels).float().mean()) > 0.7
    assert not torch.equal(held_out(LogisticSource(), other), honest)


def test_the_cross_validated_weights_maximise_the_likelihood() -> None:
    likelihood = torch.rand(200, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) ** 2
    likelihood[:, 0] += 0.2

    def loss(logits: np.ndarray) -> float:
        weights = np.exp(logits) / np.exp(logits).sum()
        return -np.log(likelihood.numpy() @ weights).mean()

    best = minimize(loss, np.zeros(3), tol=1e-12).fun
    found = expectation_maximisation(likelihood)
    assert abs(found.sum().item() - 1) < 1e-12
    assert loss(np.log(found.numpy())) - best < 2e-4


def test_the_source_that_is_right_on_held_out_rows_starts_heavier() -> None:
    given = context()
    order = given.rows.argsort()
    known = SourceInputs(given.x[order], given.y["y"][order], 3, seed=4)
    labels = known.y[known.labelled].unsqueeze(1)
    scores = [
        held_out(source, known).gather(1, labels).log().mean().item() for source in (LogisticSource(), Junk())
    ]
    assert scores[0] > scores[1]
    begin = mixture_weights([LogisticSource(), Junk()], known)
    assert float(begin[0]) > 0.9
    made = Sources.build(given, members="logistic+spread", weights="cross_validated").weight.detach()
    wanted = mixture_weights([LogisticSource(), Spread()], known).log()
    assert torch.allclose(made, wanted.to(made))


class Junk(Source):
    """Says the same of every row."""

    def guess(
        self, known: SourceInputs, features: Tensor | None = None, outputs: Tensor | None = None
    ) -> Tensor:
        return torch.tensor([0.8, 0.1, 0.1]).expand(len(known.y), 3)
