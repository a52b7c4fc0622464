"""Corruption: some values of a table's row are replaced by those of other rows (Bahri et al. 2022)."""

import torch
from torch import Tensor

from auxin.views.base import View, check_vector


class Corruption(View):
    """A share of each row's values is replaced, column by column, by values that other rows of the batch have there.

    Bahri, Jiang, Tay, Metzler 2022, "SCARF: Self-Supervised Contrastive Learning using Random Feature Corruption",
    section 3, where a share of .6 of the columns is drawn from the training set's marginals; ours draws from the
    rows of the batch, which is the same distribution, and corrupts fewer columns, since a label must survive it.

    Args:
        share: Probability that a value is replaced.

    >>> x = torch.arange(6.0).reshape(3, 2)
    >>> Corruption(0.0)(x, torch.Generator()).equal(x)
    True
    """

    def __init__(self, share: float = 0.3) -> None:
        self.share = share

    @classmethod
    def build(cls, shape: tuple[int, ...], fill: Tensor, strength: float = 1.0) -> "Corruption":
        """Corruption of rows [D]."""
        del fill
        check_vector("corruption", shape)
        return cls(min(1.0, 0.3 * strength))

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Rows [B, D] to changed rows."""
        draw = {"generator": generator, "device": x.device}
        other = torch.randint(0, len(x), x.shape, **draw)
        return torch.where(torch.rand(x.shape, **draw) < self.share, x.gather(0, other), x)
