"""Rows of several sources: each but the one that counts is a task with the main task's output."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from auxin.data import load, make_splits
from auxin.errors import ConfigError, DataError
from auxin.methods import resolve
from auxin.runs.build import build
from auxin.runs.rival import with_rival
from auxin.runs.run import _scales
from auxin.runs.settings import layered
from auxin.training.loop import _epoch

SITES = ("home", "web", "crowd")


def table(number=False):
    draw = np.random.default_rng(0)
    width = draw.normal(size=240)
    label = 3 * width + 100 if number else np.where(width > 0, "yes", "no")
    site = np.array(SITES)[np.arange(240) % 3]
    return pd.DataFrame({"width": width, "other": draw.normal(size=240), "y": label, "site": site})


def read(folder, frame, suffix=".csv", **options):
    path = folder / f"t{suffix}"
    if suffix == ".npz":
        x = frame[["width", "other"]].to_numpy()
        np.savez(path, x=x, y=frame["y"].to_numpy(str), site=frame["site"].to_numpy(str))
    else:
        frame.to_csv(path, index=False)
    return load(path, target="y", **{"domain": "site=home", **options})


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_the_labels_of_each_domain(tmp_path, suffix):
    frame = table()
    data = read(tmp_path, frame, suffix)
    assert list(data.tasks) == ["y", "y (crowd)", "y (web)"]
    assert data.domains == ("y (crowd)", "y (web)")
    assert data.x.shape[1] == 2  # the column itself is no input
    whole = torch.tensor((frame["y"] == "yes").tolist()).long()
    for name, site in (("y", "home"), ("y (crowd)", "crowd"), ("y (web)", "web")):
        mine = torch.tensor((frame["site"] == site).tolist())
        assert torch.equal(data.y[name], torch.where(mine, whole, -1))
    assert any("y 80, y (crowd) 80, y (web) 80" in note for note in data.notes)


@pytest.mark.parametrize("method", ["equal", "softmax"])
def test_every_domain_is_a_loss_of_the_main_head(tmp_path, method):
    data = read(tmp_path, table())
    splits = make_splits(data, seed=0)
    settings = layered("t", "vector", resolve(method), "auxin", {"model.hidden": 4, "steps": 2}, {})
    built = build(data, splits, resolve(method), settings, 0)
    criterion, network = built.state.learner.criterion, built.network
    batch = next(built.state.feed.epoch())
    signals = network(batch.x)
    assert list(signals) == ["y"]
    means = [F.cross_entropy(signals["y"], batch.y[name], ignore_index=-1) for name in criterion.tasks]
    assert len(means) == 3
    weights = criterion.combiner.task_weights(criterion.losses(signals, batch, None))
    expected = sum(w * m for w, m in zip(weights, means, strict=True))
    assert torch.allclose(criterion(signals, batch), expected)
    assert weights[1:].tolist() == pytest.approx([1, 1])  # as every combiner begins


def test_held_out_rows_are_of_the_domain_that_counts(tmp_path):
    frame = table()
    data = read(tmp_path, frame)
    splits = make_splits(data, seed=0)
    of = {name: set(frame["site"].iloc[getattr(splits, name).tolist()]) for name in ("train", "validation")}
    of["test"] = set(frame["site"].iloc[torch.cat([splits.development, splits.confirmation]).tolist()])
    assert set(map(frozenset, of.values())) == {frozenset({"home"})}
    assert set(frame["site"].iloc[splits.unlabelled.tolist()]) == {"web", "crowd"}


def test_numbers_of_all_domains_have_the_main_ones_unit(tmp_path):
    frame = table(number=True)
    frame.loc[frame["site"] == "web", "y"] += 500
    data = read(tmp_path, frame)
    splits = make_splits(data, seed=0)
    fitted = data.fitted(splits.train, splits.every_training_row)
    one = torch.zeros(1, 1)
    own = [fitted.tasks[name].predict(one) for name in ("y", "y (web)")]
    assert torch.equal(*own)
    assert 80 < float(own[0]) < 120


def test_an_estimator_takes_the_rows_of_all_domains(tmp_path):
    data = read(tmp_path, table())
    splits = make_splits(data, seed=0)
    settings = layered("t", "vector", resolve("logistic"), "auxin", {"model.hidden": 4}, {})
    seen = []
    for domains in (data.domains, ()):
        built = with_rival(
            build(data, splits, resolve("single"), settings, 0), "logistic", splits, settings, domains
        )
        seen.append(built.network(built.pool.inputs(splits.development))["y"])
    every = torch.cat([splits.train, splits.unlabelled])
    assert len(every) > 2 * len(splits.train)
    assert not torch.equal(*seen)


def test_rows_of_no_known_domain_are_counted(tmp_path):
    frame = table()
    frame.loc[:4, "site"] = None
    assert "5 rows whose domain is not known are without a main label." in " ".join(
        read(tmp_path, frame).notes
    )


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"domain": "site"}, ConfigError, "COLUMN=VALUE"),
        ({"domain": "sites=home"}, DataError, "no column 'sites'"),
        ({"domain": "site=house"}, DataError, r"'house'.*crowd, home, web"),
        ({"domain": "y=yes"}, DataError, "is the main task's own.*Found 'y'"),
    ],
)
def test_what_makes_no_domains_is_refused(tmp_path, options, error, match):
    with pytest.raises(error, match=f"(?s){match}"):
        read(tmp_path, table(), **options)


@pytest.mark.parametrize("labels", [1, 9, 10])
def test_a_domain_with_few_labels_is_to_be_merged_not_scaled(tmp_path, labels):
    frame = table()
    frame.loc[[row for row in range(240) if row % 3][labels:], "site"] = "web"
    frame.loc[[row for row in range(240) if row % 3][:labels], "site"] = "lone"
    data = read(tmp_path, frame)
    few = [note for note in data.notes if note.startswith("Domains with fewer than 10 labels: y (lone)")]
    assert len(few) == (labels < 10)
    assert all(f"y (lone) {labels}. " in note and "merge it with another" in note for note in few)
    log = SimpleNamespace(losses={"y": 1.0, "y (lone)": 2000.0, "y (web)": 1.0})
    (said,) = _scales(SimpleNamespace(state=SimpleNamespace(logs=[log])), data)
    assert said.startswith("The loss of 'y (lone)' is 2e+03 times that of 'y': it")
    assert "scale" not in said
    assert ("Merge this domain" in said) == (labels < 10)


def test_an_epochs_mean_loss_is_that_of_the_steps_with_a_label(tmp_path):
    frame = table()
    frame.loc[1, "site"] = "lone"
    data = read(tmp_path, frame)
    user = {"model.hidden": 4, "batch": 8, "lr": 1e-12}
    settings = layered("t", "vector", resolve("equal"), "auxin", user, {})
    built = build(data, make_splits(data, seed=0), resolve("equal"), settings, 0)
    out = built.network(built.pool.inputs(torch.tensor([1])))
    expected = (
        built.state.learner.criterion.tasks["y (lone)"].loss(out["y"], data.y["y (lone)"][1:2]).detach()
    )
    log = _epoch(built.state, built.plan)
    assert log.steps > 3  # the row is in one of them
    assert log.losses["y (lone)"] == pytest.approx(expected.item(), rel=1e-4)


def test_of_many_domains_ten_tasks_are_named_and_the_others_counted(tmp_path):
    frame = table()
    frame["site"] = ["home" if row % 2 else f"s{row // 2 % 20:02}" for row in range(240)]
    note = next(note for note in read(tmp_path, frame).notes if note.startswith("Domains:"))
    assert note.endswith("y (s07) 6, y (s08) 6 and 11 more domains with 66 labels.")
