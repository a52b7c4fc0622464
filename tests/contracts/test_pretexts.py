"""What every pretext task promises."""

import pytest
import torch
from torch import Tensor

from auxin import catalogue
from auxin.errors import ConfigError
from auxin.pretexts import Pretext
from auxin.tasks import Task

NAMES = catalogue.names("pretexts")
SHAPES = [(6,), (1, 8, 8), (3, 6, 6), (3, 7, 7), (3, 6, 9), (3, 12, 1)]


def takes(name: str, shape: tuple[int, ...]) -> bool:
    try:
        catalogue.load("pretexts", name).build(shape)
    except ConfigError:
        return False
    return True


CASES = [(name, shape) for name in NAMES for shape in SHAPES if takes(name, shape)]
each = pytest.mark.parametrize(("name", "shape"), CASES)


def make(name: str, shape: tuple[int, ...]) -> Pretext:
    return catalogue.load("pretexts", name).build(shape)


def inputs(shape: tuple[int, ...], rows: int = 64) -> Tensor:
    return torch.randn(rows, *shape, generator=torch.Generator().manual_seed(0))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_sweep_sees_every_pretext() -> None:
    assert {"rotation", "patch_order", "masking", "denoising"} <= set(NAMES)
    assert {name for name, _ in CASES} == set(NAMES)


@each
def test_the_inputs_keep_their_shape_and_the_labels_are_the_tasks(name: str, shape: tuple[int, ...]) -> None:
    pretext, x = make(name, shape), inputs(shape)
    changed, label = pretext(x, generator())
    assert isinstance(pretext.task, Task)
    assert pretext.task.name == name
    assert changed.shape == x.shape
    assert changed.dtype == x.dtype
    assert bool(changed.isfinite().all())
    assert len(label) == len(x)
    pretext.task.check(label)
    assert bool(pretext.task.present(label).all())
    output = torch.zeros(len(x), pretext.task.width, *(shape[1:] if pretext.task.dense else ()))
    assert bool(pretext.task.loss(output, label).isfinite().all())


@each
def test_the_generator_is_the_only_source_of_randomness(name: str, shape: tuple[int, ...]) -> None:
    pretext, x = make(name, shape), inputs(shape)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = pretext(x, generator(5))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    again, other = pretext(x, generator(5)), pretext(x, generator(6))
    assert all(torch.equal(a.nan_to_num(7.0), b.nan_to_num(7.0)) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


@each
def test_the_inputs_given_are_left_alone(name: str, shape: tuple[int, ...]) -> None:
    x = inputs(shape)
    kept = x.clone()
    changed, label = make(name, shape)(x, generator())
    changed.zero_()
    label.zero_()
    assert torch.equal(x, kept)


@each
def test_it_changes_most_inputs_and_no_batch_of_one_fails(name: str, shape: tuple[int, ...]) -> None:
    x = inputs(shape)
    changed, _ = make(name, shape)(x, generator())
    moved = (changed != x).flatten(1).any(1).float().mean().item()
    assert moved > 0.6
    one, label = make(name, shape)(x[:1], generator())
    assert len(one) == len(label) == 1


@each
def test_every_class_is_drawn_about_alike(name: str, shape: tuple[int, ...]) -> None:
    pretext = make(name, shape)
    _, label = pretext(inputs(shape, 2400), generator())
    if label.is_floating_point():
        assert bool((~label.isnan()).any(0).all())  # no component is never a label
        return
    if name == "points_spaces":  # a point's cell is where it lies: nothing about its label is drawn
        return
    counts = torch.bincount(label, minlength=pretext.task.width).float()
    expected = 2400 / pretext.task.width
    assert bool(((counts - expected).abs() < 5 * expected**0.5).all())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 4)])
def test_inputs_without_numbers_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError):
        catalogue.load("pretexts", name).build(shape)
