"""What every view promises."""

import pytest
import torch

from auxin import catalogue
from auxin.errors import ConfigError
from auxin.views import View, compose, usual

SHAPES = [(1, 8, 8), (3, 9, 12), (6,)]


def build(name: str, shape: tuple[int, ...], strength: float = 1.0) -> View | None:
    try:
        return catalogue.load("views", name).build(shape, torch.full(shape[:1], -2.0), strength)
    except ConfigError:
        return None


CASES = [(name, shape) for name in catalogue.names("views") for shape in SHAPES if build(name, shape)]
each = pytest.mark.parametrize(("name", "shape"), CASES)


def view(name: str, shape: tuple[int, ...], strength: float = 1.0) -> View:
    found = build(name, shape, strength)
    assert found is not None
    return found


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def inputs(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.randn(16, *shape, generator=draw())


def test_the_sweep_sees_every_view() -> None:
    assert {name for name, _ in CASES} == set(catalogue.names("views"))
    assert len(CASES) >= 12


@each
def test_shape_and_inputs_are_kept_and_the_generator_decides(name: str, shape: tuple[int, ...]) -> None:
    x, one = inputs(shape), view(name, shape)
    before = x.clone()
    state = torch.get_rng_state()
    changed = one(x, draw(3))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(x, before)
    assert changed.shape == x.shape
    assert bool(changed.isfinite().all())
    assert not torch.equal(changed, x)
    assert torch.equal(one(x, draw(3)), changed)
    assert not torch.equal(one(x, draw(4)), changed)


@each
def test_no_strength_is_no_change(name: str, shape: tuple[int, ...]) -> None:
    x = inputs(shape)
    assert torch.allclose(view(name, shape, 0.0)(x, draw()), x, atol=1e-5)


def test_views_are_composed_in_order_and_refuse_what_they_do_not_know() -> None:
    x = inputs((1, 8, 8))
    fill = torch.zeros(1)
    generator = draw()
    parts = [
        catalogue.load("views", n).build((1, 8, 8), fill, s) for n, s in (("shift", 1.0), ("affine", 0.5))
    ]
    wanted = parts[1](parts[0](x, generator), generator)
    assert torch.equal(compose("shift+affine:0.5", (1, 8, 8))(x, draw()), wanted)
    assert torch.equal(compose("none", (1, 8, 8))(x, draw()), x)
    for wrong in ("shiftt", "affine:big", "affine:-1", "corruption"):
        with pytest.raises(ConfigError):
            compose(wrong, (1, 8, 8))
    assert usual((40,)) == "corruption"
