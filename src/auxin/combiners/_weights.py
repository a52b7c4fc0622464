"""Learned weights under a constraint, for combiners that the hypergradient trains."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from auxin.combiners.base import choice

CONSTRAINTS = ("positive", "clipped", "free")
_SMALLEST = 1e-4


class ConstrainedWeights(nn.Module):
    """A tensor of weights that stay at least zero, or do not.

    | constraint | the weight is | at zero |
    | --- | --- | --- |
    | positive | softplus(raw) | approached, never reached; an initial zero is 1e-4 |
    | clipped | raw; `project` makes it max(raw, 0) after each meta step, as in the paper | reached |
    | free | raw | crossed |

    Args:
        initial: Initial weights.
        constraint: Constraint on the weights, one of the three names.
        layers: How many such tensors are multiplied with one another. The meta optimiser moves each of them at the
            rate of its own size over that number, so that their product moves relative to itself by about the rate
            per step: at one rate for all, weights of a tenth would double with each step of Adam at 0.1. None: at
            the rate itself.

    >>> ConstrainedWeights(torch.tensor([2.0, 0.5]), "positive")().tolist()
    [2.0, 0.5]
    """

    def __init__(self, initial: Tensor, constraint: str, layers: int | None = None) -> None:
        super().__init__()
        self.constraint = choice("constraint", constraint, CONSTRAINTS)
        if constraint == "positive":
            initial = initial.clamp(min=_SMALLEST)
            raw = initial + torch.log(-torch.expm1(-initial))  # the inverse of softplus
        else:
            raw = initial.clone()
        self.raw = nn.Parameter(raw)
        # Softplus is relative where small.
        size = 1.0 if constraint == "positive" else float(initial.abs().mean())
        self.layer_rates = {"raw": 1.0 if layers is None else size / layers}

    def forward(self) -> Tensor:
        """The weights, differentiable in `raw`."""
        return F.softplus(self.raw) if self.constraint == "positive" else self.raw

    @torch.no_grad()
    def project(self) -> None:
        """Put negative weights to zero, where the constraint is kept by clipping."""
        if self.constraint == "clipped":
            self.raw.clamp_(min=0)


def project_all(module: nn.Module) -> None:
    """Project every constrained weight of a combiner."""
    for part in module.modules():
        if isinstance(part, ConstrainedWeights):
            part.project()
