"""What each pretext task does to its inputs."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from auxin.errors import ConfigError
from auxin.pretexts.colour_statistics import ColourStatistics
from auxin.pretexts.denoising import Denoising
from auxin.pretexts.edges import Edges, strength
from auxin.pretexts.masking import Masking
from auxin.pretexts.patch_order import PatchOrder
from auxin.pretexts.rotation import Rotation

IMAGES = torch.randn(60, 3, 7, 7, generator=torch.Generator().manual_seed(0))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_rotation_turns_as_numpy_does() -> None:
    turned, label = Rotation.build((3, 7, 7))(IMAGES, generator())
    for before, after, turn in zip(IMAGES, turned, label, strict=True):
        assert np.array_equal(np.rot90(before.numpy(), int(turn), (1, 2)), after.numpy())
    assert set(label.tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize("shape", [(64,), (1, 8, 9), (8, 8)])
def test_rotation_needs_squares(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="square"):
        Rotation.build(shape)


@pytest.mark.parametrize(("height", "breadth"), [(4, 6), (7, 7)])
def test_patch_order_moves_whole_quarters(height: int, breadth: int) -> None:
    pretext = PatchOrder.build((3, height, breadth))
    x = torch.randn(100, 3, height, breadth, generator=generator())
    shuffled, label = pretext(x, generator())
    h, b = height // 2, breadth // 2
    corners = [(0, 0), (0, b), (h, 0), (h, b)]
    for before, after, number in zip(x, shuffled, label, strict=True):
        order = [int(c) for c in pretext.task.label_names[int(number)]]
        assert sorted(order) == [0, 1, 2, 3]
        for (i, j), old in zip(corners, order, strict=True):
            k, m = corners[old]
            assert torch.equal(after[:, i : i + h, j : j + b], before[:, k : k + h, m : m + b])
        if height % 2:
            assert torch.equal(after[:, -1], before[:, -1])
    assert torch.equal(shuffled[label == 0], x[label == 0])
    assert len(set(pretext.task.label_names)) == 24


def test_masking_hides_one_square_of_an_image() -> None:
    masked, label = Masking.build((3, 7, 7))(IMAGES, generator())
    hidden = ~label.isnan().reshape(IMAGES.shape)
    assert torch.equal(masked, IMAGES.masked_fill(hidden, 0))
    assert torch.equal(label.reshape(IMAGES.shape)[hidden], IMAGES[hidden])
    assert bool((hidden == hidden[:, :1]).all())
    assert hidden.flatten(1).sum(1).tolist() == [3 * 3 * 3] * 60
    rows, columns = hidden[:, 0].any(2), hidden[:, 0].any(1)
    assert rows.sum(1).tolist() == columns.sum(1).tolist() == [3] * 60
    assert len({tuple(r) for r in rows.tolist()}) == 5  # every place


def test_masking_hides_at_least_one_column_of_a_row() -> None:
    x = torch.randn(2000, 5, generator=generator())
    _, label = Masking.build((5,))(x, generator())
    hidden = ~label.isnan()
    assert int(hidden.sum(1).min()) == 1
    assert hidden.float().mean().item() == pytest.approx(0.3 + 0.7**5 / 5, abs=0.02)


def test_masking_scores_hidden_values_only() -> None:
    pretext = Masking.build((3, 7, 7))
    _, label = pretext(IMAGES, generator())
    hidden = ~label.isnan()
    expected = torch.stack([row[keep].square().mean() for row, keep in zip(label, hidden, strict=True)])
    torch.testing.assert_close(pretext.task.loss(torch.zeros(60, 147), label), expected)


def test_denoising_adds_noise_of_half_the_spread() -> None:
    x = 5 + 3 * torch.randn(400, 20, generator=generator())
    noisy, clean = Denoising.build((20,))(x, generator(1))
    assert torch.equal(clean, x)
    assert (noisy - x).std().item() == pytest.approx(1.5, rel=0.03)
    assert (noisy - x).mean().item() == pytest.approx(0.0, abs=0.05)
    constant, _ = Denoising.build((20,))(torch.ones(3, 20), generator())
    assert not math.isnan(constant.sum().item())


def test_edges_are_sobels() -> None:
    _, label = Edges.build((3, 7, 7))(IMAGES, generator())
    squares = [
        np.stack(
            [[(ndimage.sobel(c, axis, mode="nearest") / 8) ** 2 for c in image] for image in IMAGES.numpy()]
        )
        for axis in (0, 1)
    ]
    wanted = np.sqrt(sum(square.sum(1) for square in squares))
    assert np.allclose(label.reshape(60, 7, 7).numpy(), wanted, atol=1e-5)


def test_edges_are_averaged_over_places_and_the_image_is_noisy() -> None:
    x = torch.randn(4, 1, 16, 16, generator=generator())
    noisy, label = Edges.build((1, 16, 16))(x, generator())
    assert torch.allclose(label.reshape(4, 8, 8)[:, 0, 0], strength(x)[:, 0, :2, :2].mean((1, 2)))
    assert float((noisy - x).std()) == pytest.approx(0.25 * float(x.std()), rel=0.1)


def test_grey_images_hide_the_colours_that_are_to_be_told() -> None:
    grey, label = ColourStatistics.build((3, 7, 7))(IMAGES, generator())
    assert torch.equal(grey[:, 0], grey[:, 1])
    for image, mixed in zip(IMAGES, grey[:, 0], strict=True):
        weights = torch.linalg.lstsq(image.flatten(1).T, mixed.flatten()[:, None]).solution.flatten()
        assert torch.allclose(weights.sum(), torch.tensor(1.0), atol=1e-4)
        assert bool((weights > -1e-4).all())
    assert torch.allclose(label[:, 3:], IMAGES.flatten(2).std(2, correction=0), atol=1e-6)
    with pytest.raises(ConfigError, match="colour images"):
        ColourStatistics.build((1, 7, 7))
