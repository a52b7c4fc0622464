"""Random and given labels: balance, missing labels, row numbers, and what they refuse."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from auxin.errors import ConfigError, DataError
from auxin.labelers.base import LabelerContext
from auxin.labelers.given import Given
from auxin.labelers.random import Random
from auxin.math.hierarchy import Hierarchy
from auxin.typing import Batch


def context(main, sizes, seed=0, rows=None, **y):
    main = torch.as_tensor(main)
    rows = torch.arange(len(main)) if rows is None else torch.as_tensor(rows)
    aux = {k: torch.as_tensor(v) for k, v in y.items()}
    x = torch.zeros(len(main), 2)
    return LabelerContext(
        "main", Hierarchy(tuple(sizes)), x, {"main": main, **aux}, rows, nn.Identity, seed, "aux"
    )


def batch_of(made):
    return Batch(made.x, dict(made.y), made.rows)


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=5).flatmap(
        lambda sizes: st.tuples(
            st.just(sizes), st.lists(st.integers(-1, len(sizes) - 1), min_size=1, max_size=60)
        )
    ),
    st.integers(0, 10**9),
)
def test_random_is_balanced_within_each_primary_class(case, seed):
    sizes, main = case
    made = context(main, sizes, seed)
    targets = Random.build(made)(batch_of(made))
    assert targets.isnan().any(1).equal(made.y["main"] < 0)
    for primary, (start, size) in enumerate(zip(made.hierarchy.starts(), sizes, strict=True)):
        rows = targets[made.y["main"] == primary]
        counts = rows[:, start : start + size].sum(0)
        assert counts.sum() == len(rows)
        assert counts.max() - counts.min() <= 1


def test_which_random_class_gets_one_more_depends_on_the_seed():
    counts = [
        tuple(Random.build(context([0] * 4, [3], seed)).table.values.bincount(minlength=3).tolist())
        for seed in range(30)
    ]
    assert set(counts) == {(2, 1, 1), (1, 2, 1), (1, 1, 2)}


def test_random_labels_do_not_depend_on_the_order_or_content_of_the_batch():
    made = context([0, 1] * 10, [2, 3], rows=range(100, 120))
    labeler = Random.build(made)
    whole = labeler(batch_of(made))
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    other = Batch(torch.ones(20, 2), {}, made.rows[order])
    torch.testing.assert_close(labeler(other), whole[order])


def test_random_knows_no_row_but_the_training_rows():
    labeler = Random.build(context([0, 0], [2], rows=[5, 9]))
    found = labeler(Batch(torch.zeros(5, 1), {}, torch.tensor([-1, 4, 5, 9, 10])))
    assert found.isnan().any(1).tolist() == [True, True, False, False, True]


def test_random_without_any_main_label_labels_nothing():
    made = context([-1, -1], [2])
    assert Random.build(made)(batch_of(made)).isnan().all()
    assert Random.build(context([], [2]))(batch_of(made)).isnan().all()


def test_a_row_number_that_occurs_twice_is_refused():
    with pytest.raises(ConfigError, match="twice"):
        Random.build(context([0, 0], [2], rows=[3, 3]))


def test_given_keeps_the_datas_own_classes_and_finds_psi():
    made = context([0, 0, 1, -1, 1], [1, 1], aux=[3, 0, 1, 2, -1])
    labeler = Given.build(made)
    assert labeler.classes == 4
    assert labeler.hierarchy.sizes == (2, 1)
    targets = labeler(batch_of(made))
    assert targets[:4].argmax(1).tolist() == [3, 0, 1, 2]
    assert targets[4].isnan().all()


def test_given_can_be_told_how_many_classes_there_are():
    made = context([0], [1], aux=[1])
    assert Given.build(made, classes=7)(batch_of(made)).shape == (1, 7)
    with pytest.raises(ConfigError, match="at least 2"):
        Given.build(made, classes=1)


def test_given_refuses_what_cannot_serve_as_labels():
    with pytest.raises(ConfigError, match="needs a given auxiliary task"):
        Given.build(context([0], [1]))
    with pytest.raises(DataError, match="class numbers"):
        Given.build(context([0], [1], aux=[0.5]))
    with pytest.raises(DataError, match="at least one"):
        Given.build(context([0], [1], aux=[-1]))


def test_given_refuses_a_label_it_has_never_seen():
    made = context([0], [1], aux=[1])
    labeler = Given.build(made)
    with pytest.raises(DataError, match="outside the range"):
        labeler(batch_of(context([0], [1], aux=[2])))
