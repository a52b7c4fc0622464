"""The pool: exact without a generator, augmented with one, and hidden labels never shown."""

from dataclasses import replace

import pytest
import torch
from data_files import dataset

from auxin.data import Dataset, DevicePool, make_splits
from auxin.data._augment import draw, move, padding
from auxin.errors import ConfigError, DataError
from auxin.tasks.regression import Regression


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def augment(x, kind, generator):
    """A batch of images, moved as `DevicePool` moves them."""
    moves = draw(tuple(x.shape), kind, generator)
    return x if moves is None else move(x, moves)


def pictures(rows=64, side=32):
    """Images whose every pixel says where it was: 1 + its place, so that zeros are only what came in."""
    place = torch.arange(side * side, dtype=torch.int32).view(1, 1, side, side) + 1
    return place.expand(rows, 3, side, side).contiguous()


def test_without_a_generator_batches_are_exact():
    data = dataset(60, shape=(3, 20, 20))
    pool = DevicePool(data, torch.arange(30), "cpu", "crop_flip")
    rows = torch.tensor([5, 3, 59])
    batch = pool.batch(rows)
    train = data.x[:30].double()
    mean, std = train.mean((0, 2, 3)), train.std((0, 2, 3), correction=0)
    expected = (data.x[rows].double() - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    torch.testing.assert_close(batch.x.double(), expected, rtol=1e-5, atol=1e-6)
    assert batch.x.dtype == torch.float32
    assert batch.rows.equal(rows)
    assert batch.y["fine"].equal(data.y["fine"][rows])
    assert pool.shape == (3, 20, 20)
    assert len(pool) == 60


def test_constants_come_from_the_training_rows_only():
    data = dataset(60)
    other = dataset(60)
    other.x[30:] = 7
    one, two = DevicePool(data, torch.arange(30), "cpu"), DevicePool(other, torch.arange(30), "cpu")
    assert one.mean.equal(two.mean)
    assert one.std.equal(two.std)
    assert not DevicePool(data, torch.arange(60), "cpu").mean.equal(one.mean)


def test_given_constants_are_used():
    made = dataset(8)
    data = Dataset(
        made.name, made.x, made.tasks, made.y, "main", made.official_test, mean=(10.0,), std=(2.0,)
    )
    assert (
        DevicePool(data, torch.arange(4), "cpu")
        .batch(torch.tensor([0]))
        .x.equal((made.x[:1].float() - 10) / 2)
    )


def test_columns_are_standardised_and_those_that_teach_nothing_are_zero():
    x = torch.tensor([[1.0, 5.0], [3.0, 5.0], [9.0, 6.0]])
    data = dataset(3, classes=2, x=x)
    batch = DevicePool(data, torch.tensor([0, 1]), "cpu").batch(torch.arange(3))
    assert batch.x.tolist() == [[-1.0, 0.0], [1.0, 0.0], [7.0, 0.0]]


def test_missing_values_stand_for_the_mean_of_the_known_training_values():
    x = torch.tensor([[1.0], [3.0], [0.0], [0.0]])
    made = dataset(4, classes=2, x=x)
    data = replace(made, blank=torch.tensor([[False], [False], [True], [False]]))
    pool = DevicePool(data, torch.tensor([0, 1, 2]), "cpu")
    assert (float(pool.mean), float(pool.std)) == (2.0, 1.0)
    assert pool.batch(torch.arange(4)).x.flatten().tolist() == [-1.0, 1.0, 0.0, -2.0]
    assert data.marks[2][:16] != data.marks[3][:16]


def test_hidden_labels_never_appear():
    data = dataset(120, missing=7)
    splits = make_splits(data, seed=0, labels_per_class=3)
    pool = DevicePool(data, splits.train, "cpu", hidden=splits.unlabelled)
    everything = pool.batch(torch.arange(120))
    assert bool((everything.y["main"][splits.unlabelled] == -1).all())
    kept = torch.cat([splits.train, splits.validation, splits.development])
    assert everything.y["main"][kept].equal(data.y["main"][kept])
    assert everything.y["fine"].equal(data.y["fine"])
    assert int((data.y["main"][splits.unlabelled] >= 0).sum()) > 0


def test_hidden_real_labels_read_as_nan():
    x, y = torch.randn(6, 2, generator=seeded()), torch.arange(6.0)
    data = Dataset("made", x, {"y": Regression("y")}, {"y": y}, "y", torch.zeros(6, dtype=torch.bool))
    batch = DevicePool(data, torch.arange(3), "cpu", hidden=torch.tensor([4])).batch(torch.tensor([4, 5]))
    assert batch.y["y"].isnan().tolist() == [True, False]
    assert data.y["y"][4] == 4.0


@pytest.mark.parametrize("kind", ["crop", "crop_flip"])
@pytest.mark.parametrize("side", [8, 32])
def test_augmentation_only_moves_pixels(kind, side):
    x = pictures(64, side)
    moved = augment(x, kind, seeded())
    assert moved.shape == x.shape
    assert moved.dtype == x.dtype
    assert moved.equal(augment(x, kind, seeded()))
    assert not moved.equal(augment(x, kind, seeded(1)))
    pad, seen = padding((3, side, side)), set()
    for image in moved:
        place = image[0] - 1
        inside = place >= 0
        down, across = place // side, place % side
        rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
        dy = (down - rows)[inside].unique()
        straight, mirrored = (across - columns)[inside].unique(), (across + columns)[inside].unique()
        flipped = len(straight) > 1
        dx = mirrored - (side - 1) if flipped else straight
        assert len(dy) == 1
        assert len(dx) == 1
        assert max(abs(int(dy)), abs(int(dx))) <= pad
        expected = (side - abs(int(dy))) * (side - abs(int(dx)))
        assert int(inside.sum()) == expected
        assert image[1].equal(image[0])
        seen.add((int(dy), int(dx), flipped))
    assert {dy for dy, _, _ in seen} == {dx for _, dx, _ in seen} == set(range(-pad, pad + 1))
    assert {flipped for _, _, flipped in seen} == ({False, True} if kind == "crop_flip" else {False})


def test_the_pool_augments_before_it_normalises():
    data = dataset(40, shape=(3, 32, 32))
    pool = DevicePool(data, torch.arange(40), "cpu", "crop_flip")
    rows = torch.arange(40)
    got = pool.batch(rows, seeded(5)).x
    raw = augment(data.x, "crop_flip", seeded(5)).float()
    assert got.equal((raw - pool.mean.view(1, 3, 1, 1)) / pool.std.view(1, 3, 1, 1))
    assert not got.equal(pool.batch(rows).x)
    assert DevicePool(data, rows, "cpu").batch(rows, seeded(5)).x.equal(pool.batch(rows).x)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_augmentation_keeps_the_range(dtype):
    x = torch.randint(10, 200, (16, 3, 32, 32), generator=seeded(), dtype=torch.int32).to(dtype)
    moved = augment(x, "crop_flip", seeded())
    assert moved.dtype == dtype
    assert float(moved.min()) == 0
    assert float(moved.max()) <= 199
    assert augment(x, "none", seeded()) is x


def test_refused():
    with pytest.raises(ConfigError, match=r"Unknown augmentation 'zoom'.*none, crop, crop_flip"):
        DevicePool(dataset(8), torch.arange(8), "cpu", "zoom")
    with pytest.raises(ConfigError, match=r"Only images can be augmented by 'crop'.*augmentation='none'"):
        DevicePool(dataset(8, x=torch.zeros(8, 2)), torch.arange(8), "cpu", "crop")
    with pytest.raises(DataError, match="Mean and spread"):
        DevicePool(dataset(8), torch.arange(0), "cpu")


def test_the_constants_of_many_images_are_those_of_all_at_once():
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (300, 3, 4, 5), dtype=torch.uint8, generator=draw)
    made = dataset(300, classes=2, x=x)
    pool = DevicePool(made, torch.arange(280), "cpu", "none")
    exact = x[:280].double()
    assert torch.allclose(pool.mean, exact.mean((0, 2, 3)).float())
    assert torch.allclose(pool.std, exact.std((0, 2, 3), correction=0).float())
