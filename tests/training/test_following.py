"""The following rhythm trains as the fused one with the outer loss on the next batch, by one forward pass less."""

import sys
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
from helpers_training import tiny

from auxin.errors import ConfigError
from auxin.hypergradients.finite_difference import FiniteDifference
from auxin.math.functional import save_rng
from auxin.training.loop import EpochCallbacks, fit


class Counting(nn.Module):
    calls = 0

    def forward(self, x):
        self.calls += self.training
        return x * (1 + 0.3 * (self.calls % 5))


def run(
    rhythm: str,
    every: int = 1,
    dropout: float = 0.0,
    precise: bool = True,
    counting: bool = False,
    **settings,
):
    built = tiny("maxl", rhythm=rhythm, meta="next", every=every, epochs=2, **settings)
    network, labeler = built.network, built.labeler
    if dropout:
        network.trunk = nn.Sequential(network.trunk, nn.Dropout(dropout))
    if counting:
        network.trunk = nn.Sequential(network.trunk, Counting())
    if precise:
        network.double()
        labeler.double()
        batch = built.pool.batch

        def doubled(*arguments):
            found = batch(*arguments)
            return type(found)(found.x.double(), found.y, found.rows)

        built.pool.batch = doubled
    forwards = SimpleQueue()  # which no step puts back
    handle = network.trunk.register_forward_hook(lambda *_: forwards.put(1))
    torch.manual_seed(3)
    fit(built.state, built.plan, EpochCallbacks())
    handle.remove()
    state = {f"network.{k}": v for k, v in network.state_dict().items()}
    state |= {f"labeler.{k}": v for k, v in labeler.state_dict().items()}
    return state, built, forwards.qsize(), save_rng().cpu


def gap(a, b) -> float:
    return max(float((a[k].double() - b[k].double()).abs().max()) for k in a)


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_trajectory_is_the_fused_ones(every: int, dropout: float, optimizer: str) -> None:
    settings = {"optimizer": optimizer, "lr": 0.05 if optimizer == "sgd" else 0.003}
    fused, a, many, rng = run("fused", every, dropout, **settings)
    following, b, fewer, after = run("following", every, dropout, **settings)
    assert gap(fused, following) < 1e-12
    assert torch.equal(rng, after)
    for one, other in zip(a.state.logs, b.state.logs, strict=True):
        assert one.losses == pytest.approx(other.losses, rel=1e-12)
    steps = a.state.feed.steps
    shared = (
        2 * (steps - 1)
        if every == 1
        else sum(t % 2 == 1 and t % steps != steps - 1 for t in range(2 * steps))
    )
    assert shared > 0
    assert many - fewer == shared


@pytest.mark.parametrize("every", [1, 2])
def test_a_network_that_counts_its_passes_makes_each_anew(every: int) -> None:
    fused, a, many, _ = run("fused", every, counting=True)
    following, b, as_many, _ = run("following", every, counting=True)
    assert gap(fused, following) < 1e-12
    assert a.network.trunk[1].calls == b.network.trunk[1].calls > 2
    assert as_many == many


def test_what_moves_is_not_nothing() -> None:
    assert gap(run("following")[0], run("fused", lr=0.01)[0]) > 1e-6


def test_in_float32_they_agree_to_rounding() -> None:
    assert gap(run("fused", precise=False)[0], run("following", precise=False)[0]) < 1e-4


def test_a_clipped_step_is_shared_too() -> None:
    assert gap(run("fused", clip=0.1)[0], run("following", clip=0.1)[0]) < 1e-12


@pytest.mark.parametrize("change", [{"meta": "same"}, {"rhythm": "folowing"}])
def test_what_makes_no_sense_is_refused(change: dict) -> None:
    with pytest.raises(ConfigError, match=r"next batch|folowing"):
        tiny("maxl", **{"rhythm": "following", "meta": "next"} | change)


def test_another_estimator_is_refused() -> None:
    built = tiny("maxl", rhythm="following", meta="next")
    built.state.learner.estimator = FiniteDifference()
    with pytest.raises(ConfigError, match=r"shares the look-ahead's forward"):
        fit(built.state, built.plan, EpochCallbacks())


def test_compiled_steps_are_told_to_run_eagerly(capsys: pytest.CaptureFixture[str]) -> None:
    built = tiny("maxl", rhythm="following", meta="next", compile=True, epochs=1, every=1)
    fit(built.state, built.plan, EpochCallbacks())
    assert "following rhythm's steps are not compiled" in capsys.readouterr().err


def test_resume_is_exact(tmp_path: Path) -> None:
    def four():
        return tiny("maxl", rhythm="following", meta="next", epochs=4)

    whole, first, second = four(), four(), four()
    fit(whole.state, whole.plan, EpochCallbacks())
    fit(
        first.state, replace(first.plan, epochs=2), EpochCallbacks(checkpoint=tmp_path / "c.pt", interval=0.0)
    )
    torch.manual_seed(99)
    fit(second.state, second.plan, EpochCallbacks(checkpoint=tmp_path / "c.pt"))
    assert len(second.state.logs) == 4
    for a, b in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(a, b)
