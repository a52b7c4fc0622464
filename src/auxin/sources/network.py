"""The network itself, averaged over its answers so far (Laine and Aila 2017)."""

from typing import ClassVar

from torch import Tensor

from auxin.sources._base import Known, Source, check_network


class Network(Source):
    """The network's own distribution for each row, as it answers without augmentation, averaged while it is trained.

    Laine and Aila 2017, "Temporal Ensembling for Semi-Supervised Learning", algorithm 2: Z <- a Z + (1 - a) z with the
    correction Z / (1 - a^t) for a start at zero. Here z is a distribution and is taken each time that sources are asked
    again, rather than once per epoch from the training batches.

    Args:
        decay: a.

    >>> import torch
    >>> known = Known(torch.zeros(1, 1), torch.tensor([-1]), 2)
    >>> own = Network()
    >>> own.guess(known, outputs=torch.zeros(1, 2)), own.guess(known, outputs=torch.tensor([[9.0, 0.0]])).argmax().item()
    (tensor([[0.5000, 0.5000]]), 0)
    """

    follows: ClassVar[bool] = True

    def __init__(self, decay: float = 0.6) -> None:
        self.decay = decay
        self.sum: Tensor | None = None
        self.weight = 0.0

    def guess(self, known: Known, features: Tensor | None = None, outputs: Tensor | None = None) -> Tensor:
        """The averaged distributions."""
        del known, features
        now = check_network("network", outputs).detach().cpu().float().softmax(1)
        before = now * 0 if self.sum is None else self.sum
        self.sum = self.decay * before + (1 - self.decay) * now
        self.weight = self.decay * self.weight + (1 - self.decay)
        return self.sum / self.weight
