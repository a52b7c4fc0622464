"""Splits: disjoint, covering, stratified, seeded, by content."""

import contextlib

import pytest
import torch
from data_files import dataset, reordered
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auxin.data import Dataset, make_splits
from auxin.data.reading.content import fingerprint, marks
from auxin.data.splits.draw import PARTS, allocate
from auxin.errors import DataError
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression

ways = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 99),
        "labels_per_class": st.sampled_from([None, 1, 2, 5]),
        "fraction": st.sampled_from([None, 0.7, 1.0]),
        "validation": st.sampled_from([0.0, 0.2, 0.3]),
        "auxiliary": st.sampled_from([0.0, 0.1, 0.2]),
    }
).filter(lambda way: way["labels_per_class"] not in (1, 2) or not (way["validation"] and way["auxiliary"]))
sets = st.builds(
    dataset,
    rows=st.integers(120, 200),
    classes=st.integers(2, 4),
    test=st.sampled_from([0, 40]),
    seed=st.integers(0, 9),
    missing=st.sampled_from([0, 17]),
)
hypothesis_settings = settings(max_examples=30, derandomize=True)


def parts(splits):
    return {name: getattr(splits, name) for name in PARTS}


def contents(data, rows):
    return {data.x[row].numpy().tobytes() for row in rows.tolist()}


@hypothesis_settings
@given(data=sets, way=ways)
def test_disjoint_and_covering(data, way):
    splits = make_splits(data, **way)
    rows = torch.cat(list(parts(splits).values()))
    assert len(rows.unique()) == len(rows)
    if way["fraction"] in (None, 1.0):
        assert len(rows) == len(data)
    main = data.y["main"]
    for name in set(PARTS) - {"unlabelled"}:
        assert bool((main[getattr(splits, name)] >= 0).all()), name
    if data.official_test.any():
        test = torch.cat([splits.development, splits.confirmation])
        assert sorted(test.tolist()) == data.official_test.nonzero().flatten().tolist()


@hypothesis_settings
@given(data=sets, way=ways, shuffle=st.integers(0, 99))
def test_row_order_does_not_matter(data, way, shuffle):
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(shuffle))
    other = reordered(data, order)
    one, two = make_splits(data, **way), make_splits(other, **way)
    assert one.hash == two.hash
    for name in PARTS:
        assert data.x[getattr(one, name)].equal(other.x[getattr(two, name)]), name
        assert data.y["fine"][getattr(one, name)].equal(other.y["fine"][getattr(two, name)]), name


@hypothesis_settings
@given(data=sets, seeds=st.tuples(st.integers(0, 49), st.integers(50, 99)))
def test_another_seed_changes_training_but_not_the_test_halves(data, seeds):
    one, two = (make_splits(data, seed=seed) for seed in seeds)
    assert not one.train.equal(two.train)
    assert one.development.equal(two.development)
    assert one.confirmation.equal(two.confirmation)
    assert one.hash != two.hash


@hypothesis_settings
@given(data=sets, way=ways)
def test_stratified(data, way):
    splits = make_splits(data, **way)
    for name in ("train", "validation", "auxiliary", "development"):
        rows = getattr(splits, name)
        everyone = data.y["main"][data.y["main"] >= 0]
        share = torch.bincount(everyone, minlength=4) / len(everyone) * len(rows)
        found = torch.bincount(data.y["main"][rows], minlength=4)
        assert bool(((share - found).abs() <= 3).all()), (name, share, found)


@pytest.mark.parametrize(
    ("k", "validation", "auxiliary", "per_class"),
    [(10, 0.2, 0.0, (8, 2, 0)), (10, 0.2, 0.1, (7, 2, 1)), (2, 0.2, 0.0, (1, 1, 0)), (1, 0.2, 0.0, (1, 0, 0)),
     (5, 0.5, 0.0, (2, 3, 0)), (4, 0.0, 0.0, (4, 0, 0)), (12, 0.04, 0.0, (11, 1, 0))],
)  # fmt: skip
def test_k_labels_per_class_include_validation_and_auxiliary(k, validation, auxiliary, per_class):
    data = dataset(200, 4, missing=20)
    splits = make_splits(data, seed=3, labels_per_class=k, validation=validation, auxiliary=auxiliary)
    for name, count in zip(("train", "validation", "auxiliary"), per_class, strict=True):
        found = torch.bincount(data.y["main"][getattr(splits, name)], minlength=4)
        assert found.tolist() == [count] * 4, name
    used = sum(splits.sizes.values())
    assert used == 200
    assert bool(splits.notes) == (k == 1)


def test_another_seed_keeps_other_labels():
    data = dataset(200, 4)
    one, two = (make_splits(data, seed=seed, labels_per_class=5) for seed in (0, 1))
    kept = [{*splits.train.tolist(), *splits.validation.tolist()} for splits in (one, two)]
    assert kept[0] != kept[1]


def test_fewer_labels_are_among_more_labels():
    data = dataset(200, 4)
    few, more = (make_splits(data, seed=1, labels_per_class=k, validation=0) for k in (3, 9))
    assert set(few.train.tolist()) < set(more.train.tolist())


def test_fraction_keeps_that_share_of_training_rows_and_all_test_rows():
    data = dataset(400, 4, test=100)
    whole, half = make_splits(data, seed=0), make_splits(data, seed=0, fraction=0.5)
    assert len(whole.train) + len(whole.validation) == 300
    assert len(half.train) + len(half.validation) == 150
    assert half.development.equal(whole.development)
    assert make_splits(data, seed=0, fraction=1.0).hash == whole.hash


def test_absolute_numbers_of_rows():
    splits = make_splits(dataset(200, 4), seed=0, validation=12, auxiliary=8)
    assert (len(splits.validation), len(splits.auxiliary)) == (12, 8)


def test_test_halves_and_fraction():
    splits = make_splits(dataset(200, 4), seed=0, test=0.25)
    assert (len(splits.development), len(splits.confirmation)) == (25, 25)
    assert make_splits(dataset(200, 4), seed=0, test=0).sizes["confirmation"] == 0


def test_validation_joins_training_for_final_runs():
    splits = make_splits(dataset(), seed=0)
    final = splits.with_validation_in_train()
    assert set(final.train.tolist()) == {*splits.train.tolist(), *splits.validation.tolist()}
    assert len(final.validation) == 0
    assert final.hash != splits.hash
    assert final.confirmation.equal(splits.confirmation)


def test_the_hash_knows_labels_and_contents():
    one = make_splits(dataset(), seed=0)
    assert one.hash == make_splits(dataset(), seed=0).hash
    changed = dataset()
    changed.x[3, 0, 0, 0] += 1
    assert make_splits(changed, seed=0).hash != one.hash
    labels = dataset().y["main"].clone()
    labels[0], labels[2] = labels[2].item(), labels[0].item()
    assert (
        make_splits(dataset(y=labels), seed=0).hash
        != make_splits(dataset(y=dataset().y["main"]), seed=0).hash
    )


def test_the_hash_is_of_inputs_and_main_labels_and_nothing_else():
    x, rows = torch.zeros(1, 2), {"train": torch.tensor([0])}
    hashes = [
        fingerprint(rows, marks(x, torch.tensor([main]), [torch.tensor([other])]))
        for main, other in ((0, 0), (0, 1), (1, 0))
    ]
    assert hashes[0] == hashes[1] != hashes[2]
    assert fingerprint({"test": rows["train"]}, marks(x, torch.tensor([0]), [])) != hashes[0]


def test_k_labels_are_of_k_different_inputs():
    x = torch.arange(100).repeat_interleave(2).float().unsqueeze(1).expand(200, 2).contiguous()
    data = dataset(200, 2, x=x, y=torch.arange(200) // 2 % 2)
    splits = make_splits(data, seed=0, labels_per_class=8)
    labelled = torch.cat([splits.train, splits.validation])
    assert len(contents(data, labelled)) == len(labelled) == 16


def test_rows_that_repeat_a_held_out_row_are_dropped_and_counted():
    data = dataset(240, 4, test=80)
    data.x[:10] = data.x[-10:]
    splits = make_splits(data, seed=0)
    assert splits.repeats == 10
    assert "10 rows repeat" in splits.notes[0]
    assert not set(range(10)) & set(splits.train.tolist())


def test_k_labels_stay_k_where_training_rows_repeat_test_rows():
    data = dataset(240, 4, test=80)
    data.x[:80] = data.x[-80:]
    splits = make_splits(data, seed=0, labels_per_class=10)
    assert torch.bincount(data.y["main"][splits.train]).tolist() == [8] * 4
    assert torch.bincount(data.y["main"][splits.validation]).tolist() == [2] * 4
    assert splits.repeats == 80


@hypothesis_settings
@given(way=ways, test=st.sampled_from([0, 60]), values=st.integers(40, 60))
def test_no_input_is_on_two_sides(way, test, values):
    """Inputs drawn from few values, so that many rows repeat one another, with other labels too."""
    draw = torch.Generator().manual_seed(values)
    x = torch.randint(0, values, (400, 1), generator=draw).float().expand(400, 2).contiguous()
    data = dataset(400, 2, test=test, x=x)
    splits = None
    with contextlib.suppress(DataError):
        splits = make_splits(data, **way)
    assume(splits is not None)
    sides = [contents(data, getattr(splits, name)) for name in PARTS if name not in ("train", "unlabelled")]
    sides.append(contents(data, torch.cat([splits.train, splits.unlabelled])))
    assert sum(len(side) for side in sides) == len(set().union(*sides))
    if way["fraction"] in (None, 1.0):
        assert sum(splits.sizes.values()) + splits.repeats == 400


def test_equal_inputs_stay_together_where_they_can():
    x = torch.arange(200).repeat_interleave(2).float().unsqueeze(1).expand(400, 2).contiguous()
    data = dataset(400, 2, x=x, y=torch.arange(400) // 2 % 2)
    assert make_splits(data, seed=0).repeats <= 8


def test_rows_without_a_main_label_train_auxiliaries_only():
    data = dataset(200, 4, missing=50, test=20)
    splits = make_splits(data, seed=0)
    assert splits.unlabelled.tolist() != []
    assert set(splits.unlabelled.tolist()) == set(range(50))


def test_test_rows_without_a_main_label_are_not_used_and_that_is_said():
    data = dataset(200, 4, test=50)
    main = torch.where(torch.arange(200) >= 190, -1, data.y["main"])
    splits = make_splits(dataset(200, 4, test=50, y=main), seed=0)
    assert sum(splits.sizes.values()) == 190
    assert "10 of the publisher's test rows" in splits.notes[0]


def test_real_targets_are_stratified_by_quantiles():
    draw = torch.Generator().manual_seed(0)
    y = torch.randn(300, generator=draw).exp()
    y[:30] = torch.nan
    x = torch.randn(300, 3, generator=draw)
    data = Dataset("made", x, {"y": Regression("y")}, {"y": y}, "y", torch.zeros(300, dtype=torch.bool))
    splits = make_splits(data, seed=0)
    assert set(splits.unlabelled.tolist()) == set(range(30))
    for rows in (splits.validation, splits.development):
        assert abs(float(y[rows].median() - y[30:].median())) < 0.2
    with pytest.raises(DataError, match="need a main task of classes"):
        make_splits(data, seed=0, labels_per_class=3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"fraction": 0.0}, ["fraction", "above 0 and at most 1", "Found 0.0"]),
        ({"fraction": 1.5}, ["fraction", "above 0 and at most 1", "Found 1.5"]),
        ({"validation": 1.0}, ["validation", "a fraction from 0 to below 1", "Found 1.0"]),
        ({"validation": -0.1}, ["validation", "Found -0.1"]),
        ({"validation": 2.5}, ["validation", "Found 2.5"]),
        ({"validation": float("nan")}, ["validation", "Found nan"]),
        ({"auxiliary": 1.5}, ["auxiliary", "Found 1.5"]),
        ({"test": 1.0}, ["test", "Found 1.0"]),
        ({"labels_per_class": 0}, ["labels_per_class", "at least 1", "Found 0"]),
        ({"labels_per_class": 3, "validation": 5}, ["validation", "Found 5"]),
        ({"labels_per_class": 2, "auxiliary": 0.5}, ["2 labels per class leave none to train with"]),
        ({"labels_per_class": 50}, ["Class 0 has too few rows", "at least 50 rows", "Found 15", "Add rows"]),
        ({"validation": 3}, ["validation set cannot have 3 rows", "4 to ", "Ask for another"]),
        ({"fraction": 0.05}, ["training fraction cannot have 3 rows"]),
    ],
)
def test_impossible_requests(arguments, words):
    with pytest.raises(DataError) as error:
        make_splits(dataset(), seed=0, **arguments)
    for word in words:
        assert word in str(error.value)


def test_no_main_label_at_all():
    with pytest.raises(
        DataError, match=r"No row of made has a label for the main task 'main'.*120 rows.*Name another"
    ):
        make_splits(dataset(missing=120), seed=0)


def rare_class(**options):
    labels = torch.arange(120) % 3
    labels[[5, 6]] = 3
    data = dataset(y=labels, **options)
    data.tasks["main"] = Classes("main", 4, label_names=["ant", "bee", "cat", "dog"])
    return data


def test_the_rows_of_a_rare_class_only_train_and_the_class_is_named():
    splits = make_splits(rare_class(), seed=0)
    assert {5, 6} <= set(splits.train.tolist())
    held = torch.cat([splits.validation, splits.development, splits.confirmation])
    assert sorted(rare_class().y["main"][held].unique().tolist()) == [0, 1, 2]
    (note,) = splits.notes
    for word in (
        "Class 3 ('dog')",
        "2 labelled rows",
        "needs 4",
        "only train",
        "left out of validation and test",
    ):
        assert word in note


def test_a_class_with_fewer_labels_than_asked_for_keeps_them_all_and_that_is_said():
    labels = torch.arange(120) % 3
    labels[:8] = 3
    data = dataset(y=labels)
    counts = data.y[data.main].bincount().tolist()
    splits = make_splits(data, seed=0, labels_per_class=20, validation=0.2, test=0)
    kept = torch.cat([splits.train, splits.validation])
    rare = min(range(len(counts)), key=lambda label: counts[label])
    assert int((data.y[data.main][kept] == rare).sum()) == counts[rare]
    assert int((data.y[data.main][splits.train] == rare).sum()) >= 1
    assert "Class 3 has 8 labelled rows of the 20 asked for: all are used." in splits.notes


def test_rare_classes_train_under_labels_per_class_and_the_other_draws_stay():
    splits = make_splits(rare_class(), seed=0, labels_per_class=5)
    assert {5, 6} <= set(splits.train.tolist())
    assert len(splits.train) == 3 * 4 + 2


def test_data_of_rare_classes_alone_are_refused():
    data = dataset(rows=120, classes=60)
    with pytest.raises(DataError, match="too few rows"):
        make_splits(data, seed=0)


def test_a_rare_class_in_groups_trains_with_its_whole_groups():
    from dataclasses import replace

    groups = tuple(f"g{row // 6}" for row in range(120))
    splits = make_splits(replace(rare_class(), groups=groups), seed=0)
    assert set(range(12)) <= set(splits.train.tolist())


@given(
    sizes=st.dictionaries(st.integers(0, 9), st.integers(4, 50), min_size=1),
    share=st.floats(0, 1),
    least=st.integers(0, 2),
    keep=st.integers(0, 2),
)
@settings(derandomize=True)
def test_allocation_is_exact_and_within_bounds(sizes, share, least, keep):
    low, high = least * len(sizes), sum(sizes.values()) - keep * len(sizes)
    total = round(low + share * (high - low))
    counts = allocate(sizes, total, least, keep)
    assert sum(counts.values()) == total
    assert all(least <= counts[c] <= sizes[c] - keep for c in sizes)
