"""Groups never fall on both sides of a split, whatever the rows' order."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auxin.data import Dataset, load, make_splits
from auxin.errors import DataError
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression

HELD = ("development", "confirmation", "validation", "auxiliary")


def grouped(rows=240, groups=24, seed=0, real=False, unlabelled=0):
    draw = torch.Generator().manual_seed(seed)
    of = torch.randint(groups, (rows,), generator=draw)
    y = torch.randn(rows, generator=draw) if real else torch.randint(2, (rows,), generator=draw)
    y[:unlabelled] = torch.nan if real else -1
    return Dataset(
        name="made",
        x=torch.randn(rows, 3, generator=draw),
        tasks={"y": Regression("y") if real else Classes("y", 2)},
        y={"y": y},
        main="y",
        official_test=torch.zeros(rows, dtype=torch.bool),
        groups=tuple(f"={g}" for g in of.tolist()),
    )


def groups_in(data, rows):
    return {data.groups[row] for row in rows.tolist()}


def check(data, splits):
    held = [groups_in(data, getattr(splits, name)) for name in HELD]
    training = groups_in(data, splits.train) | groups_in(data, splits.unlabelled)
    sides = [*held, training]
    assert sum(map(len, sides)) == len(set().union(*sides))


@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    real=st.booleans(),
    unlabelled=st.sampled_from([0, 60]),
    way=st.sampled_from([{}, {"auxiliary": 0.2}, {"fraction": 0.8}, {"labels_per_class": 5}]),
)
@example(seed=54388, real=True, unlabelled=60, way={})  # two draws cost the same but for rounding
def test_whole_groups_and_any_order(seed, real, unlabelled, way):
    if real and "labels_per_class" in way:
        way = {}
    data = grouped(seed=seed, real=real, unlabelled=unlabelled)
    splits = make_splits(data, seed=3, **way)
    check(data, splits)
    assert all(splits.sizes[name] for name in ("train", "development", "confirmation", "validation"))
    if not way:
        assert 0.3 < (splits.sizes["development"] + splits.sizes["confirmation"]) / (240 - unlabelled) < 0.7
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))
    other = dataclasses.replace(
        data,
        x=data.x[order],
        y={"y": data.y["y"][order]},
        groups=tuple(data.groups[row] for row in order.tolist()),
    )
    assert make_splits(other, seed=3, **way).hash == splits.hash


def test_groups_of_one_row_where_none_is_named():
    data = grouped()
    data = dataclasses.replace(data, groups=("",) * len(data))
    assert min(make_splits(data, seed=0).sizes[name] for name in ("train", "validation")) > 20


def test_too_few_groups_are_refused():
    data = grouped(groups=3)
    with pytest.raises(DataError, match=r"too few groups.*at least 4.*Found 3.*--group"):
        make_splits(data, seed=0)
    data = dataclasses.replace(grouped(), groups=tuple(f"={c}" for c in grouped().y["y"].tolist()))
    with pytest.raises(DataError, match="too few groups"):
        make_splits(data, seed=0)


def test_a_class_in_too_few_groups_is_refused():
    data = grouped(groups=12)
    y = torch.tensor([int(name == "=1") for name in data.groups])
    with pytest.raises(DataError, match=r"Some class is in too few groups.*of its own|groups of their own"):
        make_splits(dataclasses.replace(data, y={"y": y}), seed=0)


def test_a_column_of_a_table(tmp_path):
    draw = np.random.default_rng(0)
    who = draw.integers(0, 12, 200)
    table = pd.DataFrame({"who": who, "x": draw.normal(size=200), "y": draw.integers(0, 2, 200)})
    table.to_csv(tmp_path / "t.csv", index=False)
    data = load(tmp_path / "t.csv", target="y", group="who")
    assert data.x.shape == (200, 1)
    splits = make_splits(data, seed=0)
    check(data, splits)
    assert splits.notes[-1].startswith("Groups stay whole: train ")
    table["part"] = np.where(who < 4, "test", "train")
    table.to_csv(tmp_path / "t.csv", index=False)
    check(data, make_splits(load(tmp_path / "t.csv", target="y", group="who", split="part"), seed=0))
    table["part"] = np.where(np.arange(200) < 50, "test", "train")
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=r"both sides of the given split.*'\d+' the first"):
        load(tmp_path / "t.csv", target="y", group="who", split="part")


@pytest.mark.parametrize(
    ("name", "values", "hinted"),
    [
        ("subject#", [k // 10 for k in range(80)], True),
        ("PatientId", [f"p{k % 20}" for k in range(80)], True),
        ("customer_no", [k // 2 for k in range(80)], True),
        ("family", [k % 3 for k in range(80)], False),
        ("patient", [k * 7 % 80 for k in range(80)], False),
        ("idle", [k // 10 for k in range(80)], False),
    ],
)
def test_a_subject_with_several_rows_is_hinted_at(name, values, hinted, tmp_path):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({name: values, "x": draw.normal(size=80), "y": draw.normal(size=80)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    notes = " ".join(load(str(tmp_path / "t.csv"), target="y").notes)
    assert (f"use group='{name}'." in notes) == hinted
    assert "repeat" not in " ".join(load(str(tmp_path / "t.csv"), target="y", group=name).notes)
