"""The network itself, averaged over its answers so far (Laine and Aila 2017)."""

from typing import ClassVar

from torch import Tensor

from auxin.sources.base import Source, SourceInputs, check_network


class Network(Source):
    """The network's own distribution for each row, as it answers without augmentation, averaged while it is trained.

    Laine and Aila 2017, "Temporal Ensembling for Semi-Supervised Learning", algorithm 2: Z <- a Z + (1 - a) z with
    the correction Z / (1 - a^t) for a start at zero; a is `average`, and the labeler that asks keeps Z. Here z is a
    distribution and is taken each time that sources are asked again, rather than in every epoch from the training
    batches.

    >>> import torch
    >>> known = SourceInputs(torch.zeros(1, 1), torch.tensor([-1]), 2)
    >>> Network().guess(known, outputs=torch.zeros(1, 2))
    tensor([[0.5000, 0.5000]])
    """

    follows: ClassVar[bool] = True
    average: ClassVar[float] = 0.6

    def guess(
        self, known: SourceInputs, features: Tensor | None = None, outputs: Tensor | None = None
    ) -> Tensor:
        """The softmax of the outputs."""
        del known, features
        return check_network("network", outputs).detach().cpu().float().softmax(1)
