"""No label of a row that is held out reaches its prediction: candidates, blend, temperature, sources, encoders."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from auxin import catalogue
from auxin.data import load
from auxin.fitting import convnet, images
from auxin.fitting.choose import CandidateOutputs, corrected
from auxin.fitting.rows import Rows
from auxin.fitting.search import Search
from auxin.sources import SourceInputs
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression

SIDE = 8
KINDS = ("classes", "ordered", "multilabel", "numbers", "images")


def rows_of(kind: str, known: int = 30, rows: int = 70) -> Rows:
    """Rows with two auxiliaries, one of which nearly tells the main label; `known` rows carry that one."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(rows, SIDE * SIDE if kind == "images" else 5)).astype(np.float32)
    z = torch.from_numpy(x[:, 0] + 0.3 * draw.normal(size=rows).astype(np.float32))
    task, y = of_kind(kind, z)
    value = torch.nan if y.is_floating_point() else -1
    y[known:] = value
    half = (z > 0).long()
    others = {"value": (Regression.fit("value", z), z), "half": (Classes("half", 2), half)}
    return Rows(x, task, y, others, image=(1, SIDE, SIDE) if kind == "images" else None)


def of_kind(kind: str, z: Tensor) -> tuple[Task, Tensor]:
    """The main task and its targets, from a hidden number."""
    if kind == "numbers":
        y = 50 + 10 * z
        return Regression.fit("y", y[:30]), y
    if kind == "multilabel":
        return Multilabel("y", 2), torch.stack([z > 0, z > 0.5], 1).float()
    third = torch.bucketize(z, torch.tensor([-0.5, 0.5]))
    return (Ordered("y", 3) if kind == "ordered" else Classes("y", 3)), third


def noisy(rows: Rows, held: np.ndarray) -> Rows:
    """The same rows with other labels where they are held out, and the task's units learned from these too."""
    y, index = rows.y.clone(), torch.from_numpy(held)
    if isinstance(rows.task, Regression):
        y[index] = 1000 + 100 * torch.arange(len(held)).float()
        return Rows(rows.x, Regression.fit("y", y), y, rows.auxiliaries, rows.image)
    y[index] = 1 - y[index] if isinstance(rows.task, Multilabel) else torch.zeros_like(y[index])
    return Rows(rows.x, rows.task, y, rows.auxiliaries, rows.image)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "STEPS", 3)
    monkeypatch.setattr(convnet, "WIDTH", 4)
    monkeypatch.setattr("auxin.fitting.search.FOLDS", 2)
    monkeypatch.setattr("auxin.fitting.network.STEPS", 8)


@pytest.mark.parametrize("kind", KINDS)
def test_no_candidate_learns_from_held_out_labels(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, found = rows_of(kind), {}
    bounded = Search._bounded

    def kept(self: Search, outputs: Tensor, name: str) -> Tensor:
        found[name] = outputs[0]
        return bounded(self, outputs, name)

    monkeypatch.setattr(Search, "_bounded", kept)
    every = catalogue.names("rivals") if kind in ("classes", "numbers") else ["logistic", "extra_trees"]
    search = Search(rows, tries=1, families=[n for n in every if n not in ("stacking", "catboost")])
    search.run()
    held = rows.labelled[search.folds.parts[0] == 0]
    place, other = torch.from_numpy(search.folds.parts[0] == 0), noisy(rows, held)
    kinds = {name.split(":")[0].split(" (")[0] for name in search.candidates}
    assert {"infer", "network", "network + auxiliaries", "constant guess"} <= kinds
    assert ("stack" in kinds) == (kind != "images")
    assert kind == "multilabel" or {"gaussian process", "gaussian process + auxiliaries"} <= kinds
    assert kind != "images" or {"convnet", "convnet + unlabelled", "convnet + auxiliaries"} <= kinds
    for name, candidate in search.candidates.items():
        first = found[name]
        second = candidate.out_of_fold(other, search.folds, 0)[0]
        one, two = rows.task, other.task
        if kind == "numbers":
            torch.testing.assert_close(one.predict(first)[place], two.predict(second)[place], msg=name)
        else:
            assert torch.equal(first[place], second[place]), name
        assert not torch.equal(first[~place], second[~place]), name


@pytest.mark.full_size
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_what_is_kept_for_held_out_rows_does_not_depend_on_their_labels(kind: str) -> None:
    rows = rows_of(kind)
    search = Search(rows, tries=2, families=["ridge", "logistic", "svc", "extra_trees"])
    search.run()
    place = torch.from_numpy(search.folds.parts[0] == 0)
    other = noisy(rows, rows.labelled[place.numpy()]).y[torch.from_numpy(rows.labelled)]
    task, first = rows.task, search.honest()
    again = [
        CandidateOutputs.of(task, e.name, e.family, e.simplicity, e.plain, other)
        for e in search.entries
        if e.plain is not None
    ]
    assert len(again) == len(search.entries)
    second = corrected(task, again, other, search.folds)
    assert torch.equal(first[place], second[place])
    assert not torch.equal(first[~place], second[~place])


@pytest.mark.parametrize("name", catalogue.names("sources"))
def test_no_source_reads_hidden_labels(name: str) -> None:
    rows, source = rows_of("classes"), catalogue.load("sources", name)
    if source.follows:
        pytest.skip("it reads the network")
    hidden = torch.arange(len(rows.y)) < 10
    tasks = {k: task for k, (task, _) in rows.auxiliaries.items()}
    given = {k: y for k, (_, y) in rows.auxiliaries.items()}
    known = SourceInputs(torch.from_numpy(rows.x), rows.y, 3, given, tasks)
    other = torch.where(hidden, (rows.y + 1) % 3, rows.y)
    said = [source().guess(replace(known, y=y).without(hidden)) for y in (rows.y, other)]
    assert torch.equal(said[0].nan_to_num(), said[1].nan_to_num())


def test_no_label_reaches_the_encoding(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": draw.normal(size=60),
            "city": draw.choice(["Bern", "Rome", "Oslo"], 60),
            "day": pd.date_range("2020-01-01", periods=60).astype(str),
            "words": [
                " ".join(draw.choice(["red", "old", "tall", "new", "wet"], 6)) + f" no {k}" for k in range(60)
            ],
        }
    )
    found = []
    for seed in (5, 6):
        price = np.random.default_rng(seed).normal(size=60)
        frame.assign(price=price).to_csv(tmp_path / f"{seed}.csv", index=False)
        data = load(str(tmp_path / f"{seed}.csv"), None, target="price")
        found.append(data.fitted(torch.arange(30), torch.arange(50)).x)
    assert torch.equal(found[0], found[1])


@pytest.mark.slow
def test_a_search_on_labels_by_chance_states_chance() -> None:
    stated = []
    for seed in range(12):
        rows = rows_of("classes", 40, 120)
        labels = torch.from_numpy(np.random.default_rng(seed).permutation(np.arange(40) % 2))
        y = torch.cat([labels, torch.full((80,), -1)])
        rows = replace(rows, task=Classes("y", 2), y=y)
        search = Search(rows, seed=seed, families=["logistic", "svc", "extra_trees"])
        search.run()
        stated.append(search.rows.task.score(search.honest(), search.wanted, "accuracy"))
    error = np.std(stated, ddof=1) / len(stated) ** 0.5
    assert np.mean(stated) < 0.5 + 2.5 * error, stated
