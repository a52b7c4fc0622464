"""Rows of equal inputs stay on one side of a fold, unless few different inputs make them equal by coincidence."""

import numpy as np
import pytest
import torch

from auxin.api.estimators import AuxiliaryClassifier
from auxin.data import Dataset
from auxin.fitting.duplicates import group_duplicates
from auxin.fitting.intervals import interval
from auxin.tasks.classes import Classes


def data(x: np.ndarray, y: np.ndarray, groups: tuple[str, ...] | None = None) -> Dataset:
    """A data set of numbers and two classes, -1 where missing."""
    return Dataset(
        name="d",
        x=torch.from_numpy(x.astype(np.float32)),
        tasks={"y": Classes("y", 2)},
        y={"y": torch.from_numpy(y)},
        main="y",
        official_test=torch.zeros(len(x), dtype=torch.bool),
        groups=groups,
    )


def parts(labels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows with a label, and those without."""
    known = torch.from_numpy(labels >= 0)
    return known.nonzero()[:, 0], (~known).nonzero()[:, 0]


def test_the_score_of_noise_in_two_copies_is_that_of_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auxin.fitting.search.Search._usual", staticmethod(lambda: ["extra_trees"]))
    monkeypatch.setattr("auxin.fitting.network.STEPS", 8)
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(40, 5)), np.arange(40) % 2
    model = AuxiliaryClassifier(random_state=0).fit(np.concatenate([x, x]), np.concatenate([y, y]))
    assert model.validation_score_ < 0.75  # 0.95 where the copies are in different folds
    assert any("another, labelled row: 80 of the 80 labelled ones." in note for note in model.notes_)
    assert "over 40 groups of rows" in " ".join(model.advice_)


def test_copies_are_one_group_and_other_rows_are_by_themselves() -> None:
    x = np.array([[0.5], [1.5], [0.5], [2.5]])
    found = group_duplicates(data(x, np.array([0, 1, 0, 1])), *parts(np.array([0, 1, 0, 1])))
    assert found.groups is not None
    assert found.groups[0] == found.groups[2] != "" == found.groups[1] == found.groups[3]


def test_oversampled_rows_are_copies_although_few_are_different() -> None:
    x, y = np.repeat(np.arange(10) + 0.5, 4)[:, None], np.repeat(np.arange(10) % 2, 4)
    found = group_duplicates(data(x, y), *parts(y))
    assert found.groups is not None
    assert len({*found.groups}) == 10


@pytest.mark.parametrize("step", [1.0, 0.5])
def test_rows_that_are_equal_by_coincidence_are_left_by_themselves(step: float) -> None:
    x, y = np.repeat(np.arange(4) * step, 10)[:, None], np.arange(40) % 2  # four categories, or four doses
    found = group_duplicates(data(x, y), *parts(y))
    assert found.groups is None
    assert "(4 different inputs)" in found.notes[0]
    assert "leave out the copies" in found.notes[0]


def test_an_unlabelled_row_that_repeats_a_labelled_one_takes_no_part() -> None:
    x, y = np.array([[0.5], [1.5], [2.5], [0.5]]), np.array([0, 1, -1, -1])
    found = group_duplicates(data(x, y), *parts(y))
    assert found.unlabelled.tolist() == [2]
    assert found.groups is None
    assert found.notes == [
        "Rows that have the same inputs as another, labelled row: 1 without a main label. "
        "Those without a main label take no part."
    ]


def test_different_rows_and_given_groups_are_left_alone() -> None:
    y = np.array([0, 1, 0, 1])
    assert group_duplicates(data(np.arange(4)[:, None] + 0.5, y), *parts(y)).notes == []
    found = group_duplicates(data(np.zeros((4, 1)), y, ("a", "b", "a", "b")), *parts(y))
    assert found.groups == ["a", "b", "a", "b"]
    assert found.notes == []


def test_many_groups_have_about_the_interval_of_their_rows() -> None:
    draw = np.random.default_rng(0)
    y = torch.from_numpy(draw.integers(2, size=2000))
    outputs = torch.from_numpy(draw.normal(size=(2000, 2)))
    single = interval(Classes("y", 2), outputs, y, "accuracy")
    grouped = interval(Classes("y", 2), outputs, y, "accuracy", groups=np.arange(2000) // 2)
    np.testing.assert_allclose(grouped, single, atol=0.01)


def test_a_perfect_score_of_many_groups_counts_every_group() -> None:
    y = torch.arange(600) % 2
    sure = torch.nn.functional.one_hot(y, 2) * 9.0
    grouped = interval(Classes("y", 2), sure, y, "accuracy", groups=np.arange(600) // 2)
    half = interval(Classes("y", 2), sure[:300], y[:300], "accuracy")
    np.testing.assert_allclose(grouped, half, atol=1e-3)
