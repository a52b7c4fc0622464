"""AdamW: adaptive moments with decoupled weight decay."""

import torch

from auxin.optimizers.adam import AdamUpdate


class AdamWUpdate(AdamUpdate):
    """The update of `torch.optim.AdamW` (equations in `optimizers/adam.py`).

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.5, "betas": (0.9, 0.999), "eps": 0.0, "weight_decay": 0}
    >>> AdamWUpdate()([w], [g], group, [{}])
    [tensor([0.5000])]
    """

    handles = torch.optim.AdamW
