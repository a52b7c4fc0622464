"""Gradient cosines and task weights of a run: right, and without a trace."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
from helpers_training import tiny

from auxin.analysis.task_signals import weights_and_cosines
from auxin.labelers.base import LABELS


def test_the_cosine_against_gradients_taken_by_hand_and_nothing_moves() -> None:
    built = tiny("random")
    network, criterion = built.network, built.state.learner.criterion
    batch = next(iter(built.state.feed.epoch()))
    before = {k: v.clone() for k, v in network.state_dict().items()}
    rng = torch.get_rng_state()
    _, found = weights_and_cosines(network, criterion, batch)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert torch.equal(rng, torch.get_rng_state())

    grads = []
    for column in (0, 1):
        network.zero_grad()
        criterion.losses(network(batch.x), batch, criterion.context(batch)).means()[column].backward()
        grads.append(torch.cat([p.grad.flatten() for p in network.shared_parameters()]))
    network.zero_grad()
    wanted = torch.nn.functional.cosine_similarity(grads[0], grads[1], dim=0)
    assert list(found) == [LABELS]
    assert found[LABELS] == pytest.approx(float(wanted), abs=1e-5)


def test_a_task_that_repeats_the_main_one_has_cosine_one() -> None:
    built = tiny("random")
    criterion = built.state.learner.criterion
    main = criterion.main
    batch = next(iter(built.state.feed.epoch()))
    criterion.tasks = {main: criterion.tasks[main], "again": criterion.tasks[main]}
    batch = replace(batch, y={**batch.y, "again": batch.y[main]})

    class Twice(torch.nn.Module):
        def forward(self, x):
            out = built.network(x)[main]
            return {main: out, "again": 2 * out - out}

        def shared_parameters(self):
            return built.network.shared_parameters()

    criterion.labeler = None
    assert weights_and_cosines(Twice(), criterion, batch)[1]["again"] == pytest.approx(1.0, abs=1e-5)


def test_task_weights_of_equal_weighting_are_its_scale() -> None:
    built = tiny("random", combiner__scale=0.3)
    batch = next(iter(built.state.feed.epoch()))
    found, _ = weights_and_cosines(built.network, built.state.learner.criterion, batch)
    assert found == {"digit": pytest.approx(1.0), LABELS: pytest.approx(0.3)}


def test_a_task_without_rows_in_the_batch_has_no_weight_to_tell() -> None:
    built = tiny("rotation")
    rows = built.state.feed.train[:8]
    found, _ = weights_and_cosines(built.network, built.state.learner.criterion, built.pool.batch(rows))
    assert found == {"digit": pytest.approx(1.0)}
