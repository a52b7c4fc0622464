"""Adam: adaptive moments, with coupled weight decay and AMSGrad."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from auxin.optimizers import _adam
from auxin.optimizers.base import State, Update


class AdamUpdate(Update):
    """The update of `torch.optim.Adam` (equations in `optimizers/_adam.py`).

    >>> w, g = torch.tensor([1.0]), torch.tensor([2.0])
    >>> group = {"lr": 0.5, "betas": (0.9, 0.999), "eps": 0.0, "weight_decay": 0}
    >>> AdamUpdate()([w], [g], group, [{}])
    [tensor([0.5000])]
    """

    handles = torch.optim.Adam

    def advance(
        self, param: Tensor, grad: Tensor, group: Mapping[str, Any], state: State
    ) -> tuple[Tensor, State]:
        """One step."""
        return _adam.advance(param, grad, group, state)

    def step(self, param: Tensor, grad: Tensor, group: Mapping[str, Any], state: State) -> Tensor:
        """The same as a constant, in one pass over memory."""
        found = _adam.step(param, grad, group, state)
        return super().step(param, grad, group, state) if found is None else found

    def pull(
        self, param: Tensor, grad: Tensor, group: Mapping[str, Any], state: State, cotangent: Tensor
    ) -> Tensor:
        """(dU/dg)^T times a cotangent, in one pass over memory."""
        found = _adam.pull(param, grad, group, state, cotangent)
        return super().pull(param, grad, group, state, cotangent) if found is None else found
