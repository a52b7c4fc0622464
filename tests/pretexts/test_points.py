"""Self-made tasks on clouds of points, and neighbours, against numpy."""

import numpy as np
import torch
from scipy.spatial import cKDTree

from auxin.models._points import gathered, neighbours
from auxin.pretexts.points_deformation import PointsDeformation
from auxin.pretexts.points_denoising import PointsDenoising
from auxin.pretexts.points_spaces import PointsSpaces

SHAPE = (3, 40, 1)


def clouds(seed: int = 0) -> torch.Tensor:
    return torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(seed)) * 1.2 - 0.6


def draw(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_neighbours_are_the_nearest_points():
    x = torch.randn(2, 3, 30, generator=draw())
    index = neighbours(x, 4)
    for cloud, found in zip(x, index, strict=True):
        _, expected = cKDTree(cloud.T.numpy()).query(cloud.T.numpy(), 4)
        assert np.array_equal(np.sort(found.numpy(), 1), np.sort(expected, 1))
    near = gathered(x, index)
    assert torch.equal(near[1, :, 7, 2], x[1, :, index[1, 7, 2]])


def test_noise_has_variance_one_hundredth():
    x = torch.zeros(200, *SHAPE)
    moved, clean = PointsDenoising.build(SHAPE)(x, draw())
    assert torch.equal(clean, x)
    assert abs(float(moved.var()) - 0.01) < 5e-4


def test_the_deformed_region_is_a_quarter_around_one_point():
    x = clouds()
    changed, label = PointsDeformation.build(SHAPE)(x, draw())
    moved = ~label.isnan().any(1).squeeze(2)
    assert moved.sum(1).tolist() == [10] * 5
    assert torch.equal(changed[..., 0].transpose(1, 2)[~moved], x[..., 0].transpose(1, 2)[~moved])
    assert torch.equal(label[..., 0].transpose(1, 2)[moved], x[..., 0].transpose(1, 2)[moved])
    for cloud, part in zip(x[..., 0], moved, strict=True):
        _, near = cKDTree(cloud.T.numpy()).query(cloud.T.numpy(), 10)
        assert set(part.nonzero().flatten().tolist()) in [set(row.tolist()) for row in near]


def test_shuffled_cells_are_moved_whole_and_back_by_their_label():
    x = clouds()
    moved, label = PointsSpaces.build(SHAPE)(x, draw())
    own = ((x.squeeze(3) + 1) / 2 * 3).floor().long()
    assert torch.equal(label.squeeze(2), (own[:, 0] * 3 + own[:, 1]) * 3 + own[:, 2])
    now = ((moved.squeeze(3) + 1) / 2 * 3).floor().long()
    for before, after in zip(own, now, strict=True):
        pairs = {(tuple(a), tuple(b)) for a, b in zip(before.T.tolist(), after.T.tolist(), strict=True)}
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    offset = ((x - moved) * 3 / 2).round()
    torch.testing.assert_close(x - moved, offset * 2 / 3)
