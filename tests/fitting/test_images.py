"""Convolutional networks as candidates: what they learn, what they never see, how they are saved and shortened."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from auxin.data import Dataset, make_splits
from auxin.exported.model import load_model
from auxin.fitting import convnet, images, search
from auxin.fitting.auxiliaries import inferring, teachers_of
from auxin.fitting.convnet import ConvMember, ConvTraining, Pixels, SmallConvNet, train_convnet
from auxin.fitting.images import ConvCandidate, ImageRows, image_candidates
from auxin.fitting.rows import Rows, make_folds
from auxin.fitting.saved import Parts, restored, state_of
from auxin.fitting.scores import losses
from auxin.fitting.search import Search
from auxin.studies.fit_search import SearchTarget
from auxin.studies.fit_search import search as fitted_model
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression

OPTIONS = {"rate": 0.06, "flip": False}


def bars(rows: int = 90, known: int = 40, side: int = 8, seed: int = 0) -> Rows:
    """Upright or level bars anywhere in an image: no pixel tells which; the auxiliary is where the bar begins."""
    draw = np.random.default_rng(seed)
    x = draw.integers(0, 60, size=(rows, 1, side, side)).astype(np.float32)
    y, place = torch.from_numpy(draw.integers(2, size=rows)), draw.integers(1, side - 1, size=(rows, 2))
    for row, (down, across) in enumerate(place):
        if y[row]:
            x[row, 0, :, across] += 150
        else:
            x[row, 0, down, :] += 150
    shown = y.clone()
    shown[known:] = -1
    where = torch.from_numpy(place[:, 0].astype(np.float32))
    others = {"where": (Regression.fit("where", where), where)}
    return Rows(x.reshape(rows, -1), Classes("y", 2), shown, others, image=(1, side, side))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "STEPS", 40)
    monkeypatch.setattr(convnet, "WIDTH", 8)


def candidate(**more: float) -> ConvCandidate:
    return ConvCandidate("convnet", {**OPTIONS, **more}, 40)


def truth(rows: int = 90, known: int = 40) -> torch.Tensor:
    return bars(rows, rows).y


@pytest.mark.parametrize("more", [{}, {"consistency": 1.0}, {"auxiliary": 1.0}])
def test_it_learns_what_no_pixel_tells(more: dict[str, float]) -> None:
    rows = bars()
    found = candidate(**more).train(rows, rows.labelled, 0).outputs(rows.x)
    assert rows.task.score(found[40:], truth()[40:], "accuracy") > 0.8


def test_a_held_out_row_takes_no_part_in_its_fold() -> None:
    rows = bars(known=20)
    one = candidate(consistency=1.0, auxiliary=1.0)
    folds = make_folds(rows, 2, 1, 0)
    before = one.out_of_fold(rows, folds, 0)
    held = rows.labelled[folds.parts[0] == 0]
    changed = rows.y.clone()
    changed[held[0]] = 1 - changed[held[0]]
    where = rows.auxiliaries["where"][1].clone()
    where[held[0]] = 100.0
    others = {"where": (rows.auxiliaries["where"][0], where)}
    after = one.out_of_fold(replace(rows, y=changed, auxiliaries=others), folds, 0)
    own = torch.from_numpy(folds.parts[0] == 0)
    assert torch.equal(before[0, own], after[0, own])
    assert not torch.equal(before[0, ~own], after[0, ~own])


def test_folded_weights_are_the_network() -> None:
    rows = bars()
    shown = ImageRows.of(rows, 0)
    lesson = ConvTraining(rows, shown.x, rows.labelled, shown.others, torch.ones(90), OPTIONS, 10, 0)
    network, finite = convnet._train(lesson, 1.0)
    assert finite
    assert isinstance(network, SmallConvNet)
    found = convnet.outputs_of_images(train_convnet(lesson), shown.x)
    assert torch.allclose(found, network(shown.x)["main"], atol=1e-5)


def test_a_rate_that_diverges_is_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def train(lesson: ConvTraining, factor: float) -> tuple[SmallConvNet, bool]:
        tried.append(factor)
        return SmallConvNet((1, 8, 8), {"main": 2}), factor < 1

    monkeypatch.setattr(convnet, "_train", train)
    candidate().train(bars(), bars().labelled, 0)
    assert tried == [1.0, 1 / 3] * images.NETWORKS


def test_large_images_are_shrunk_by_means() -> None:
    x = np.arange(66 * 66, dtype=np.float32).reshape(1, -1)
    rows = Rows(np.concatenate([x, 2 * x]), Classes("y", 2), torch.tensor([0, 1]), image=(1, 66, 66))
    found = Pixels.fit(rows)
    assert found.factor == 3
    [[image], _] = found.transform(rows.x)
    wanted = x.reshape(22, 3, 22, 3).mean((1, 3))
    assert np.allclose(image.numpy() * found.std.item() + found.mean.item(), wanted, rtol=1e-4)


def test_kinds_go_by_what_can_teach() -> None:
    rows, said = bars(), []
    assert set(image_candidates(rows, 1, said.append)) == {
        "convnet",
        "convnet + unlabelled",
        "convnet + auxiliaries",
    }
    assert set(image_candidates(replace(rows, y=truth(), auxiliaries={}), 1, said.append)) == {"convnet"}
    assert image_candidates(replace(rows, image=None), 1, said.append) == {}
    assert said == []


def test_labels_inferred_from_an_auxiliary_teach_it() -> None:
    rows = bars(known=12)
    told = (Classes("told", 2), truth())
    rows, folds = replace(rows, auxiliaries={"told": told}), make_folds(rows, 2, 1, 0)
    teachers = teachers_of(rows, folds, 0, lambda _: None)
    assert teachers is not None
    [taught] = inferring([candidate()], teachers)["infer:convnet"]
    wanted = rows.y[:12]
    loss = [losses(rows.task, c.out_of_fold(rows, folds, 0)[0], wanted).mean() for c in (taught, candidate())]
    assert loss[0] < 0.8 * loss[1]


def test_a_row_without_weight_teaches_nothing() -> None:
    rows, wrong = bars(), truth()
    wrong[:20] = 1 - wrong[:20]
    kept, weights = np.arange(40), np.repeat([1e-9, 1.0], 20)
    found = candidate().teach(replace(rows, y=wrong), kept, weights, 0).outputs(rows.x)
    assert rows.task.score(found, truth(), "accuracy") > 0.8


def test_a_short_time_means_fewer_steps_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, folds = bars(), make_folds(bars(), 5, 1, 0)
    monkeypatch.setattr(
        ConvCandidate, "_seconds", lambda _, rows, steps: 4.0 + steps
    )  # a second per step, after four
    one = ConvCandidate("convnet", OPTIONS, 200)
    steps = [one.within(seconds, rows, folds) for seconds in (10_000.0, 1456.5, 500.0)]
    assert steps[0] is one
    assert [None if found is None else found.steps for found in steps] == [
        200,
        100,
        None,
    ]  # half, over 5 + 2 trainings


def test_estimates_take_no_time_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[int] = []
    monkeypatch.setattr(ConvCandidate, "_seconds", lambda _, rows, steps: timed.append(steps) or 10.0)
    monkeypatch.setattr(search, "network_candidates", lambda *_: {})
    one = ConvCandidate("convnet", OPTIONS, 200)
    assert one.within(100.0, bars(), make_folds(bars(), 5, 1, 0)) is None
    assert timed == [images.TIMED[0]]  # seven such trainings take more than half already
    found = Search(bars(), seconds=100.0, families=["logistic"])
    found.run()
    assert timed == [images.TIMED[0]] * 2  # not again for what is slower than `convnet`
    late = Search(bars(), seconds=100.0, families=["logistic"])
    late.begun -= 200.0
    late.run()
    assert timed == [images.TIMED[0]] * 2
    assert [entry.family for entry in late.entries] == ["constant guess"]


def test_numbers_and_saved_parts() -> None:
    rows = bars()
    level = torch.from_numpy(rows.x.reshape(90, 8, 8)[:, :, 0].argmax(1).astype(np.float32))
    rows = replace(rows, task=Regression.fit("y", level), y=level, auxiliaries={})
    member = candidate().train(rows, rows.labelled, 0)
    assert isinstance(member, ConvMember)
    parts = Parts()
    again = restored(state_of(member, parts), rows.task, parts)
    assert torch.equal(again.outputs(rows.x), member.outputs(rows.x))


def test_fit_keeps_a_convolutional_network_where_it_is_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "network_candidates", lambda *_: {})
    monkeypatch.setattr(search, "FOLDS", 2)
    rows = replace(bars(150, 60), auxiliaries={})
    none = torch.zeros(150, dtype=torch.bool)
    dataset = Dataset(
        "bars", torch.from_numpy(rows.x.reshape(-1, 1, 8, 8)), {"y": rows.task}, {"y": rows.y}, "y", none
    )
    splits = make_splits(dataset, seed=0, validation=0.0)
    said: list[str] = []
    model = fitted_model(
        dataset, splits, SearchTarget("accuracy", tries=1, families=["logistic"]), said.append
    )
    assert "convnet" in model.training.method
    model.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    x = dataset.x[:7]
    assert torch.equal(again.predictor(x), model.predictor(x))


def test_a_search_in_a_hurry_leaves_them_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(search, "network_candidates", lambda *_: {})
    found = Search(bars(), seconds=1.0, families=["logistic"], notify=said.append)
    found.left = lambda: 1e-3  # type: ignore[method-assign]
    found.run()
    assert any("Left out for lack of time" in sentence and "convnet" in sentence for sentence in said)


def test_convolutional_networks_come_after_linear_models_and_slow_rivals_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scored: list[str] = []
    monkeypatch.setattr(Search, "_score", lambda _, candidate: scored.append(candidate.family))
    monkeypatch.setattr(search, "choose", lambda *_, **__: None)
    Search(replace(bars(), auxiliaries={}), families=["self_training", "logistic"], seconds=60.0).run()
    assert scored == [
        "constant guess",
        "logistic",
        "convnet",
        "convnet + unlabelled",
        "gaussian process",
        "network",
        "self_training",
    ]
