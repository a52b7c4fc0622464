"""Patch order: the task is to find the order of the image's four shuffled quarters (after Noroozi and Favaro 2016)"""

from itertools import permutations
from typing import ClassVar

import torch
from torch import Tensor

from auxin.paper import Paper
from auxin.pretexts.base import Pretext, check_shape
from auxin.tasks.classes import Classes

_ORDERS = list(permutations(range(4)))


class PatchOrder(Pretext):
    """Each image's quarters change places by one of 24 permutations; the permutation is its class.

    After Noroozi and Favaro 2016, section 4, who shuffle 3x3 patches with gaps and meet them by a network of
    their own; here 2x2 without gaps, so that the image keeps its shape and the primary network takes it as
    it is. Class 0 is the image as it was; quarter j of the new image (left to right, top to bottom) is
    quarter order[j] of the old. With an odd side, the last row or column stays where it is.

    >>> x = torch.arange(4.0).reshape(1, 1, 2, 2).repeat(3, 1, 1, 1)
    >>> shuffled, label = PatchOrder.build((1, 2, 2))(x, torch.Generator().manual_seed(0))
    >>> all(shuffled[i].flatten().int().tolist() == list(_ORDERS[int(label[i])]) for i in range(3))
    True
    """

    paper: ClassVar[Paper] = Paper(
        "Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles",
        "Noroozi, Favaro",
        2016,
        "https://arxiv.org/abs/1603.09246",
        "section 4",
    )

    def __init__(self) -> None:
        names = ["".join(map(str, order)) for order in _ORDERS]
        self.task = Classes("patch_order", len(_ORDERS), label_names=names)

    @classmethod
    def build(cls, shape: tuple[int, ...]) -> "PatchOrder":
        """Patch order of images [C, H, W] with sides of at least 2."""
        fits = len(shape) == 3 and min(shape[1:]) >= 2
        check_shape(fits, "Patch order needs images", "shape [C, H, W], sides at least 2", shape)
        return cls()

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Images [B, C, H, W] to shuffled images and their permutations, int64 [B]."""
        label = torch.randint(len(_ORDERS), (len(x),), generator=generator, device=x.device)
        height, breadth = x.shape[2] // 2, x.shape[3] // 2
        rows, columns = ([slice(k * side, (k + 1) * side) for k in range(2)] for side in (height, breadth))
        boxes = [(..., down, across) for down in rows for across in columns]
        quarters = torch.stack([x[box] for box in boxes], 1)
        order = torch.tensor(_ORDERS, device=x.device)[label]
        moved = quarters[torch.arange(len(x), device=x.device).unsqueeze(1), order]
        shuffled = x.clone()
        for j, box in enumerate(boxes):
            shuffled[box] = moved[:, j]
        return shuffled, label
