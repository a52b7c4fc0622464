"""Methods for rows without a main label: batches, hypergradient, resume and the twin."""

import copy
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from auxin.data import Splits, load, make_splits
from auxin.data.digits import Digits
from auxin.errors import ConfigError
from auxin.hypergradients.lookahead import Lookahead
from auxin.labelers.sources import Sources
from auxin.methods import resolve
from auxin.methods.base import Method, Setting
from auxin.runs.build import PreparedRun, build
from auxin.runs.settings import layered
from auxin.training.loop import EpochCallbacks, fit
from auxin.training.state import load as go_on
from auxin.training.state import save

SMALL: dict[str, Setting] = {
    "model": "mlp",
    "model.hidden": 16,
    "batch": 20,
    "epochs": 4,
    "augmentation": "affine:0.5",
    "labeler.period": 1,
}


def splits() -> Splits:
    found = make_splits(load("digits"), seed=3, labels_per_class=4)
    return replace(found, unlabelled=found.unlabelled[:120])


def made(name: str, method: Method | None = None, **changed: Setting) -> PreparedRun:
    method = method or resolve(name)
    user = {k: v for k, v in SMALL.items() if method.labeler == "sources" or not k.startswith("labeler")}
    settings = layered("digits", "image", method, "auxin", {**user, **changed}, {})
    return build(Digits.load(None), splits(), method, settings, seed=5)


METHODS = ("fixmatch", "mean_teacher", "vicreg", "fixmatch_spread", "sources")


@pytest.mark.parametrize("name", METHODS)
def test_twice_as_long_is_once_and_again(name: str, tmp_path) -> None:
    whole = made(name)
    fit(whole.state, whole.plan, EpochCallbacks())
    first, second = made(name), made(name)
    fit(first.state, replace(first.plan, epochs=2), EpochCallbacks())
    save(first.state, tmp_path / "c.pt")
    assert go_on(second.state, tmp_path / "c.pt")
    fit(second.state, second.plan, EpochCallbacks())
    one, other = whole.state.state_dict(), second.state.state_dict()
    for part in ("network", "labeler", "consistency"):
        for key, value in (one[part] or {}).items():
            assert torch.equal(value.nan_to_num(7.0), other[part][key].nan_to_num(7.0)), (part, key)


def test_a_batch_pairs_each_strong_view_with_the_weak_view_of_its_row() -> None:
    built = made("fixmatch", strong="none", augmentation="none")
    batch = next(built.state.feed.epoch())
    pairs = batch.y["fixmatch"]
    strong = (pairs >= 0).nonzero().squeeze(1)
    assert len(strong) == 40
    assert batch.rows[strong].eq(-1).all()
    assert torch.equal(batch.x[strong], batch.x[pairs[strong]])
    assert set(batch.rows[pairs[strong]].tolist()) <= set(splits().unlabelled.tolist())
    assert bool((batch.y["digit"][pairs[strong]] == -1).all())


def test_the_main_rows_are_those_of_single() -> None:
    one, other = made("single"), made("fixmatch_spread")
    for plain, mixed in zip(one.state.feed.epoch(), other.state.feed.epoch(), strict=True):
        assert torch.equal(plain.x, mixed.x[: len(plain)])
        assert torch.equal(plain.rows, mixed.rows[: len(plain)])


def test_soft_labels_and_consistency_read_the_main_head() -> None:
    built = made("fixmatch_spread")
    assert list(built.network(torch.zeros(2, 1, 8, 8))) == ["digit"]
    batch = next(built.state.feed.epoch())
    objective = built.state.learner.criterion
    with torch.no_grad():
        output = built.network(batch.x)["digit"]
        losses = objective.losses({"digit": output}, batch, objective.context(batch)).means()
    place = batch.y["fixmatch"]
    soft = functional.softmax(output[place.clamp(min=0)], 1)
    sure = (place >= 0) & (soft.max(1).values >= 0.95)
    doubt = functional.cross_entropy(output, soft.argmax(1), reduction="none")
    assert torch.isclose(losses[2], (doubt * sure).sum() / (place >= 0).sum())
    assert objective.labeler is not None
    targets = objective.labeler(batch)
    there = ~targets.isnan().any(1)
    assert int(there.sum()) == 40
    wanted = -(targets[there] * output[there].log_softmax(1)).sum(1).mean()
    assert torch.isclose(losses[1], wanted)


@pytest.mark.parametrize("consistency", [None, "fixmatch", "mean_teacher", "vicreg"])
def test_the_hypergradient_of_the_sources_weights_is_exact(consistency: str | None) -> None:
    method = replace(resolve("sources"), consistency=consistency)
    extra: dict[str, Setting] = {"labeler.by_row": True, "labeler.weights": "equal", "augmentation": "none"}
    built = made("sources", method, **extra)
    learner = built.state.learner
    learner.network.double()
    if learner.criterion.consistency is not None:
        learner.criterion.consistency.double()
    assert learner.criterion.labeler is not None
    learner.criterion.labeler.double()
    learner.precision  # noqa: B018
    batches = [replace(b, x=b.x.double()) for b, _ in zip(built.state.feed.epoch(), range(2), strict=False)]
    problem, inner = learner.problem, learner.inner
    found = Lookahead().estimate(problem, batches[0], batches[1], inner, None, "raw").gradients

    def outer_after(place: int, entry: int, change: float) -> float:
        kept = copy.deepcopy(learner.network.state_dict())
        phi = list(problem.phi)[place]
        with torch.no_grad():
            phi[entry] += change
        context = learner.criterion.context(batches[0])
        loss = learner.criterion(learner.network(batches[0].x), batches[0], context)
        grads = torch.autograd.grad(loss, learner.weights)
        rate = learner.optimizer.param_groups[0]
        with torch.no_grad():
            for parameter, grad in zip(learner.weights, grads, strict=True):
                parameter -= rate["lr"] * (grad + rate["weight_decay"] * parameter)
        value = learner.criterion.outer(learner.network(batches[1].x), batches[1]).item()
        learner.network.load_state_dict(kept)
        with torch.no_grad():
            phi[entry] -= change
        return value

    assert len(found) == 2
    for place, grad in enumerate(found):
        for entry in range(len(grad)):
            step = 1e-4
            wanted = (outer_after(place, entry, step) - outer_after(place, entry, -step)) / (2 * step)
            assert abs(wanted - float(grad[entry])) < 1e-6 * max(1.0, abs(wanted)) + 1e-9
    assert float(torch.cat([g.abs() for g in found]).max()) > 1e-6


def test_the_twin_keeps_the_weights_where_they_began() -> None:
    learned, twin = made("sources"), made("untrained:sources")
    assert isinstance(learned.labeler, Sources)
    assert isinstance(twin.labeler, Sources)
    begin = twin.labeler.weight.detach().clone()
    assert torch.equal(learned.labeler.weight, begin)
    for built in (learned, twin):
        fit(built.state, built.plan, EpochCallbacks())
    assert torch.equal(twin.labeler.weight, begin)
    assert not torch.equal(learned.labeler.weight, begin)


def test_without_such_rows_the_methods_are_refused() -> None:
    method = resolve("fixmatch")
    whole = replace(splits(), unlabelled=torch.zeros(0, dtype=torch.int64))
    settings = layered("digits", "image", method, "auxin", {}, {})
    with pytest.raises(ConfigError, match="has a main label"):
        build(Digits.load(None), whole, method, settings, seed=0)
