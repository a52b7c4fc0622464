"""Tasks: shapes, seeds, disjoint pools, and what cannot make a task."""

import pytest
import torch

from auxin.errors import ConfigError, DataError
from auxin.rules.sampler import TaskSampler
from auxin.rules.tasks import TaskGroup, moons
from auxin.rules.tasks_arrays import ArrayFamily
from auxin.rules.tasks_procedural import PROCEDURAL


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", PROCEDURAL)
def test_families_are_seeded_finite_and_learnable(name):
    family = PROCEDURAL[name]
    first, again = family(generator(1), 3, 40, 8), family(generator(1), 3, 40, 8)
    assert torch.equal(first.x, again.x)
    assert first.x.shape == (3, 40, 64)
    assert torch.isfinite(first.x).all()
    assert first.extra.shape[:2] == (3, 40)
    other = family(generator(2), 3, 40, 8)
    assert not torch.equal(first.x, other.x)
    hits = []
    for seed in range(8):
        x = family(generator(seed), 3, 40, 8).x
        centres = x[:, :20].mean(1)
        nearest = torch.cdist(x[:, 20:].flatten(0, 1), centres).argmin(1)
        hits.append((nearest.view(3, 20) == torch.arange(3)[:, None]).float().mean())
    assert torch.stack(hits).mean() > 0.55


def test_group_draws():
    x = torch.arange(2 * 3 * 10).view(2, 3, 10, 1).float()
    group = TaskGroup(x, x.new_zeros(2, 3, 10, 0), held=4)
    batch = group.unlabelled(18, generator())
    assert [sorted(row) for row in batch[..., 0].tolist()] == [
        [float(30 * t + 10 * c + i) for c in range(3) for i in range(6)] for t in range(2)
    ]
    draw = group.few_shot(2, generator())
    seen = torch.cat([draw.support_x, draw.query_x], 1)[..., 0]
    assert [sorted(row) for row in seen.tolist()] == [
        [float(30 * t + 10 * c + i) for c in range(3) for i in range(6, 10)] for t in range(2)
    ]
    label = draw.support_y.argmax(-1)
    assert torch.equal(label, (draw.support_x[..., 0] % 30 // 10).long())
    with pytest.raises(ConfigError, match="Too few labelled"):
        group.few_shot(3, generator())


def test_sampler_mixes_and_is_seeded():
    sampler = TaskSampler(classes=(2, 4), per_class=6, held=4, hidden=((), (5,)), embedding=3, extra=True)
    first, shape = sampler.draw(4, generator(3))
    again, same = sampler.draw(4, generator(3))
    assert torch.equal(first.x, again.x)
    assert shape == same
    assert shape.widths in {(64, 3), (64, 5, 3)}
    assert shape.activation == "relu"
    assert first.few_shot(2, generator()).support_y.shape[-1] == first.classes + first.extra.shape[-1]


def test_kinds_that_never_have_labels():
    sampler = TaskSampler(classes=(3,), kinds=(3, 12), per_class=8, held=4)
    groups = [sampler.draw(2, generator(seed))[0] for seed in range(12)]
    assert {g.x.shape[1] for g in groups} == {3, 12}
    group = next(g for g in groups if g.x.shape[1] == 12)
    assert group.x.shape[2] == 8 * 3 // 12 + 4
    draw = group.few_shot(2, generator())
    assert draw.support_y.shape == (2, 6, 3)
    rows = torch.cat([draw.support_x, draw.query_x], 1)
    for t in range(2):
        labelled = {tuple(row) for row in group.x[t, :3].flatten(0, 1).tolist()}
        assert {tuple(row) for row in rows[t].tolist()} <= labelled
    assert group.unlabelled(24, generator()).shape == (2, 24, 64)


def test_networks_of_several_activations():
    sampler = TaskSampler(classes=(2,), per_class=4, held=2, hidden=((5,),), activations=("relu", "tanh"))
    shapes = [sampler.draw(1, generator(seed))[1] for seed in range(12)]
    assert {shape.activation for shape in shapes} == {"relu", "tanh"}


def test_sampler_takes_up_data_that_arrives():
    sampler = TaskSampler(mix={"strokes": 1.0}, classes=(2,), per_class=4, held=2)
    rows = ArrayFamily(torch.full((20, 64), 7.0) + torch.rand(20, 64), torch.arange(20) % 2)
    sampler.add("mine", rows, weight=1e9)
    group, _ = sampler.draw(1, generator())
    assert group.x.min() >= 7


def test_unknown_family_is_refused():
    with pytest.raises(ConfigError, match="task family"):
        TaskSampler(mix={"nonsense": 1.0})
    with pytest.raises(ConfigError, match="empty"):
        TaskSampler(mix={"strokes": 0.0})


def test_array_family_over_images():
    x = torch.zeros(30, 3, 12, 12)
    x[::2, :, :, 6:] = 1.0
    family = ArrayFamily(x, torch.arange(30) % 2, augment=False)
    found = family(generator(), 2, 8, 4)
    assert found.x.shape == (2, 8, 16)
    brightness = found.x.mean(-1)
    assert (brightness[0] - brightness[1]).abs().min() > 0.4
    moved = ArrayFamily(x, torch.arange(30) % 2)(generator(), 2, 8, 4)
    assert moved.extra.shape == (2, 8, 2)
    assert torch.isfinite(moved.x).all()


@pytest.mark.parametrize(
    ("x", "y", "found"),
    [
        (torch.zeros(4, 3), torch.zeros(4), "one class"),
        (torch.zeros(4, 3), torch.arange(3), "cannot make tasks"),
        (torch.full((4, 3), torch.nan), torch.arange(4), "missing or infinite"),
    ],
)
def test_arrays_that_make_no_task(x, y, found):
    with pytest.raises(DataError, match=found):
        ArrayFamily(x, y)


def test_two_moons():
    x, y = moons(generator(), 200, noise=0.0)
    assert x.shape == (200, 2)
    assert y.sum() == 100
    torch.testing.assert_close(x[y == 0].norm(dim=1), torch.ones(100))
    with pytest.raises(DataError, match="points"):
        moons(generator(), 1)
