"""Views against changes made by other means."""

import numpy as np
import torch
from scipy import ndimage

from auxin.views.affine import Affine, warp
from auxin.views.corruption import Corruption
from auxin.views.cutout import Cutout
from auxin.views.shift import Shift


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_warp_is_scipys_affine_transform() -> None:
    side = 9
    x = torch.rand(1, 1, side, side, dtype=torch.float64, generator=draw())
    matrix = torch.tensor([[[0.9, 0.3, 0.1], [-0.2, 1.1, -0.05]]], dtype=torch.float64)
    # coordinates -1..1 over the image are (2 i + 1) / side - 1; scipy maps pixel (row, column) to pixel
    linear = matrix[0, :, :2].numpy()[::-1, ::-1]
    middle = (side - 1) / 2
    move = matrix[0, :, 2].numpy()[::-1] * side / 2
    offset = middle + move - linear @ np.array([middle, middle])
    wanted = ndimage.affine_transform(
        x[0, 0].numpy(), linear, offset, order=1, mode="grid-constant", cval=0.0
    )
    found = warp(x, matrix, torch.zeros(1))[0, 0].numpy()
    assert np.abs(found - wanted).max() < 1e-12


def test_the_affine_amounts_stay_within_their_limits() -> None:
    x = torch.zeros(500, 1, 8, 8, dtype=torch.float64)
    only = {"degrees": 0.0, "scale": 0.0, "shear": 0.0, "translate": 0.0}
    turned = Affine(torch.zeros(1), **{**only, "degrees": 30.0})._matrices(x, draw())
    angle = torch.atan2(turned[:, 1, 0], turned[:, 0, 0]) * 180 / torch.pi
    assert 28 < float(angle.abs().max()) <= 30
    moved = Affine(torch.zeros(1), **{**only, "translate": 0.25})._matrices(x, draw())
    assert 0.48 < float(moved[:, :, 2].abs().max()) <= 0.5


def test_a_shift_moves_by_whole_pixels_and_fills_with_the_background() -> None:
    x = torch.zeros(200, 1, 8, 8)
    x[:, :, 4, 4] = 1.0
    moved = Shift.build((1, 8, 8), torch.tensor([-3.0]))(x, draw())
    places = (moved == 1.0).flatten(1).int().argmax(1)
    assert {(int(p) // 8 - 4, int(p) % 8 - 4) for p in places} == {
        (r, c) for r in (-1, 0, 1) for c in (-1, 0, 1)
    }
    assert set(moved.unique().tolist()) == {-3.0, 0.0, 1.0}


def test_a_hole_lies_inside_and_reaches_every_pixel() -> None:
    cut = Cutout.build((1, 8, 8), torch.tensor([5.0]))(torch.zeros(400, 1, 8, 8), draw())
    assert cut.flatten(1).gt(0).sum(1).unique().tolist() == [4]
    assert bool((cut.sum(0) > 0).all())


def test_corrupted_values_come_from_the_same_column_of_other_rows() -> None:
    x = torch.arange(40.0).reshape(10, 4)
    changed = Corruption(0.5)(x, draw())
    assert all(set(changed[:, c].tolist()) <= set(x[:, c].tolist()) for c in range(4))
    assert 0.2 < float((changed != x).float().mean()) < 0.7
