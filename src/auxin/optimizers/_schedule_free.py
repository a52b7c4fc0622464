"""What the two schedule-free optimisers share: two sequences, a growing average, warm-up.

    c = w_t / (w_1 + ... + w_t),   w_t = t^r (largest rate so far)^power
    y+ = (1 - c) y + c z + alpha (beta (1 - c) - 1) d,   z+ = z - alpha d

The gradient is taken at y, which is what the network holds in training mode; x = y + (1 - 1 / beta) (z - y) is
evaluated. **L_A is taken at y+**, as the step leaves the network. At x+ the indirect part of the hypergradient would be
c / (1 - beta (1 - c)) times that at y+, which falls as 1 / t, with the meta gradient read at x+; a meta optimiser of
Adam's kind would divide that factor out again.
"""

import torch
from torch import Tensor

from auxin.errors import UnsupportedError
from auxin.optimizers._arithmetic import scalar
from auxin.optimizers.base import Group, State, Stepped

_KEPT = ("k", "weight_sum", "lr_max")


def rate_now(group: Group, state: State) -> float:
    """The learning rate of this step, warm-up included."""
    step, warm_up = state.get("k", group["k"]), group["warmup_steps"]
    return float(scalar(group["lr"])) * ((step + 1) / warm_up if step < warm_up else 1.0)


def advance(param: Tensor, direction: Tensor, group: Group, state: State, beta: float) -> Stepped:
    """y+ and the state after it, from the direction d; the group's counters go along in the state.

    Raises:
        UnsupportedError: The optimiser is in evaluation mode, where the network holds x and `step()` refuses too.
    """
    if not group["train_mode"]:
        raise UnsupportedError(
            "The schedule-free optimiser is in evaluation mode, so the network holds averaged parameters",
            do="Call `optimizer.train()` before training, as its own `step()` requires",
        )
    step = state.get("k", group["k"])
    rate = rate_now(group, state)
    largest = max(rate, state.get("lr_max", group["lr_max"]))
    weight = (step + 1) ** group["r"] * largest ** group["weight_lr_power"]
    total = state.get("weight_sum", group["weight_sum"]) + weight
    share = weight / total if total else 0.0
    fast = state.get("z", param)
    after = torch.lerp(param, fast, share).add(direction, alpha=rate * (beta * (1 - share) - 1))
    counters = dict(zip(_KEPT, (step + 1, total, largest), strict=True))
    return after, {**state, **counters, "z": fast.sub(direction, alpha=rate)}
