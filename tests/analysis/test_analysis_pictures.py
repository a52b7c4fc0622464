import numpy as np
import pytest
import torch

from auxin.analysis.landscape import landscape
from auxin.analysis.loss_images import loss_images
from auxin.analysis.tsne import label_map
from auxin.combiners.base import TaskLosses
from auxin.combiners.convnet import ConvNet
from auxin.combiners.equal import Equal
from auxin.errors import ConfigError


def losses(seed=0):
    g = torch.Generator().manual_seed(seed)
    present = torch.rand(2, 3, 8, 8, generator=g) > 0.2
    values = torch.rand(2, 3, 8, 8, generator=g) * present
    return TaskLosses(values, present, ("seg", "edges", "colour"))


def test_pixel_weights_are_the_change_of_the_loss_by_that_pixels_losses():
    torch.manual_seed(0)
    combiner = ConvNet(3, width=2).double()
    own = TaskLosses(losses().values.double(), torch.ones(2, 3, 8, 8, dtype=torch.bool), losses().names)
    weight = loss_images(combiner, own)["weight"]
    eps = 1e-6
    for b, i, j in ((0, 0, 0), (1, 3, 5)):
        up, down = own.values.clone(), own.values.clone()
        up[b, :, i, j] += eps
        down[b, :, i, j] -= eps
        ends = [combiner(TaskLosses(v, own.present, own.names)).detach() for v in (up, down)]
        assert weight[b, i, j] == pytest.approx(float(ends[0] - ends[1]) / (2 * eps) * 128, rel=1e-4)


def test_a_linear_combiner_has_the_same_weight_everywhere_and_images_are_the_losses():
    own = losses()
    full = TaskLosses(own.values, torch.ones_like(own.present), own.names)
    found = loss_images(Equal(3, scale=0.5), full)
    assert torch.allclose(found["weight"], torch.tensor(2.0))
    assert torch.equal(found["main"], own.values[:, 0])
    assert torch.allclose(found["auxiliary"], own.values[:, 1] + own.values[:, 2])
    with pytest.raises(ConfigError, match="Loss images are needed"):
        loss_images(Equal(3), full.per_sample())


def test_the_landscape_is_the_loss_on_the_grid():
    grid = landscape(lambda w: (w[0] - 1) ** 2 + 2 * (w[1] + 1) ** 2, (0.0, 2.0), (-2.0, 0.0), points=5)
    assert np.unravel_index(grid.argmin(), grid.shape) == (2, 2)
    assert grid[0, 4] == pytest.approx(1 + 2)


def test_the_map_keeps_groups_of_labels_apart():
    g = torch.Generator().manual_seed(0)
    centres = torch.tensor([[5.0, 0, 0], [0, 5, 0]]).repeat_interleave(20, 0)
    labels = (centres + 0.3 * torch.randn(40, 3, generator=g)).softmax(1)
    places = label_map(labels, perplexity=5)
    assert places.shape == (40, 2)
    first, second = places[:20], places[20:]
    assert np.linalg.norm(first.mean(0) - second.mean(0)) > first.std() + second.std()
    with pytest.raises(ConfigError, match="at least 10"):
        label_map(labels[:9])
