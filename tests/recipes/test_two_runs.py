"""How far the auxiliary classes of two runs agree, as MAXL's section 4.5 compares them."""

import torch

from auxin.recipes.maxl_figure_6 import shared, shared_images


def labels(rows: int, psi: int, seed: int) -> torch.Tensor:
    return torch.rand(rows, psi, generator=torch.Generator().manual_seed(seed)).softmax(1)


def test_classes_numbered_in_another_order_agree_fully():
    main = torch.arange(200) % 2
    first = labels(200, 3, 0)
    second = torch.where(main[:, None] == 0, first[:, [2, 0, 1]], first[:, [1, 0, 2]])
    assert shared_images(first, second, main) == 1.0
    assert shared(first, second, main) > 0.999


def test_unrelated_labels_share_little():
    main = torch.arange(2000) % 4
    first, second = labels(2000, 5, 0), labels(2000, 5, 1)
    assert shared_images(first, second, main) < 0.1
    assert shared(first, second, main) < 0.05


def test_half_of_the_likeliest_images():
    first = torch.zeros(20, 2)
    first[:10, 0] = torch.arange(10.0)
    first[10:, 1] = torch.arange(10.0)
    second = first.clone()
    second[5:8, 0] = -1.0  # three of class 0's five likeliest images are replaced
    assert shared_images(first, second, torch.zeros(20).long()) == (2 / 5 + 1) / 2
