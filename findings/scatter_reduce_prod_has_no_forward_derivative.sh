#!/usr/bin/env bash
# torch 2.13.0: forward mode of Tensor.scatter_reduce(reduce="prod").
#
# Expected: forward mode equals reverse mode wherever both work; an operation without a forward derivative raises.
# Seen: forward mode gives exactly 0, in the source and in the tensor itself, whatever the values, where reverse mode and
# differences agree on another number. "sum", "mean", "amax" and "amin" are right. So a Jacobian by jvp, jacfwd or linearize of
# a product per group (independent probabilities, a graph's product pooling) is zero without a warning.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys

import torch
from torch.func import jvp

x, tangent = torch.tensor([1.0, 2.0, 3.0, 4.0]).double(), torch.tensor([1.0, -1.0, 0.5, 2.0]).double()
group = torch.tensor([0, 0, 1, 1])
right, zero = {}, {}
for how in ("sum", "mean", "amax", "amin", "prod"):

    def reduced(values, how=how):
        return torch.full((2,), 7.0).double().scatter_reduce(0, group, values, how, include_self=False).sum()

    leaf = x.clone().requires_grad_()
    reverse = (torch.autograd.grad(reduced(leaf), leaf)[0] * tangent).sum().item()
    forward = jvp(reduced, (x,), (tangent,))[1].item()
    difference = ((reduced(x + 1e-6 * tangent) - reduced(x - 1e-6 * tangent)) / 2e-6).item()
    print(f"{how:5} forward {forward:.4f}   reverse {reverse:.4f}   difference {difference:.4f}")
    right[how] = abs(reverse - difference) < 1e-6 and abs(forward - difference) < 1e-6
    zero[how] = forward == 0.0 and abs(reverse - difference) < 1e-6 and abs(difference) > 1
sys.exit(0 if zero.pop("prod") and all(right[how] for how in zero) else 1)
PY
