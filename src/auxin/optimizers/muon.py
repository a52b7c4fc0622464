"""Muon: the momentum of a matrix, brought near the closest semi-orthogonal matrix by Newton-Schulz steps.

    b+ = mu b + (1 - mu) g,   u = b+, or (1 - mu) g + mu b+ with Nesterov
    X_0 = u / |u|,   A = X_i X_i^T,   X_(i+1) = a X_i + (b A + c A^2) X_i
    W+ = (1 - alpha lambda) W - alpha' X_5,   alpha' = alpha sqrt(max(1, rows / columns)) by default

The optimiser takes matrices only; biases and embeddings belong in another one beside it.
"""

import math

import torch
from torch import Tensor

from auxin.optimizers._arithmetic import scalar
from auxin.optimizers.base import Group, State, Stepped, Update


class MuonUpdate(Update):
    """The update of `torch.optim.Muon` (Jordan et al. 2024).

    The step is the optimiser's own to the bit: its Newton-Schulz steps run in bfloat16, whatever the
    parameter's format. The derivative is that of the same polynomial in the parameter's format, since rounding
    to eight bits has no useful derivative: exact for the function that Muon computes but for rounding. The two
    differ by about one part in a hundred.

    >>> w, g = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])
    >>> group = {"lr": 0.5, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0, "ns_steps": 0,
    ...          "ns_coefficients": (1.0, 0.0, 0.0), "eps": 1e-7, "adjust_lr_fn": None}
    >>> [round(x, 2) for x in MuonUpdate()([w], [g], group, [{}])[0].flatten().tolist()]
    [-0.3, -0.4]
    """

    handles = torch.optim.Muon

    def advance(self, param: Tensor, grad: Tensor, group: Group, state: State) -> Stepped:
        """One step."""
        rate, momentum = scalar(group["lr"]), group["momentum"]
        buffer = state.get("momentum_buffer", torch.zeros_like(grad)).lerp(grad, 1 - momentum)
        update = grad.lerp(buffer, momentum) if group["nesterov"] else buffer
        direction = _orthogonalised(update, group)
        after = param * (1 - rate * group["weight_decay"])
        after = after.add(direction, alpha=-rate * _ratio(group["adjust_lr_fn"], param.shape))
        if buffer.dtype == torch.bfloat16 and not group["nesterov"]:
            buffer = buffer / buffer.norm().clamp(min=group["eps"])  # torch 2.13 scales its buffer in place
        return after, {"momentum_buffer": buffer}


def _orthogonalised(update: Tensor, group: Group) -> Tensor:
    settings = group["ns_coefficients"], group["ns_steps"], group["eps"]
    rounded = newton_schulz(update.detach().bfloat16(), *settings)
    if not update.requires_grad:
        return rounded
    exact = newton_schulz(update, *settings)
    return exact + (rounded - exact).detach()


def newton_schulz(matrix: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """The polynomial iteration that brings the singular values of a matrix near one, [M, N] to [M, N].

    Args:
        matrix: any matrix; it is divided by its Frobenius norm first.
        coefficients: A, b and c of X <- a X + (b A + c A^2) X with A = X X^T.
        steps: Number of iterations.
        eps: The smallest norm that is divided by.

    >>> flat = newton_schulz(torch.tensor([[3.0, 0.0], [0.0, 1.0]]), (3.4445, -4.7750, 2.0315), 5, 1e-7)
    >>> [0.6 < x < 1.3 for x in flat.diagonal().tolist()]
    [True, True]
    """
    first, second, third = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=second, alpha=third), x, beta=first)
    return x.T if tall else x


def _ratio(name: str | None, shape: torch.Size) -> float:
    """What the rate is multiplied by for a matrix of this shape."""
    rows, columns = shape
    if name == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))
