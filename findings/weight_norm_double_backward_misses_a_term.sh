#!/usr/bin/env bash
# torch 2.13.0: the second derivative of torch.nn.utils.parametrizations.weight_norm is silently wrong on its default dim=0.
#
# Expected: double backward of w = g v / |v| equals a difference of two gradients (1e-6 in float64).
# Seen: Hessian products in v are off by about their own size for dim=0 and dim=1 and right for dim=None. The fused operation
# keeps |v| as a constant of the backward pass, so the derivative of 1/|v| is missing when that pass is differentiated
# again. First derivatives are right. The same formula written out, g * v / v.norm(...), is right to rounding. Forward mode raises.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" - <<'PY'
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

torch.set_default_dtype(torch.float64)

def off(dim):
    torch.manual_seed(0)
    layer = weight_norm(nn.Linear(3, 4), dim=dim)
    v, x = layer.parametrizations.weight.original1, torch.randn(5, 3)
    direction, start, step = torch.randn_like(v), v.detach().clone(), 1e-5

    def gradient(shift, create_graph=False):
        with torch.no_grad():
            v.copy_(start + shift * direction)
        return torch.autograd.grad(layer(x).tanh().square().sum(), v, create_graph=create_graph)[0]

    (twice,) = torch.autograd.grad((gradient(0.0, True) * direction).sum(), v)
    difference = (gradient(step) - gradient(-step)) / (2 * step)
    return float((twice - difference).norm() / difference.norm())

found = {dim: off(dim) for dim in (0, 1, None)}
print(f"torch {torch.__version__}: relative error of the Hessian product by dim: {found}")
raise SystemExit(0 if found[0] > 0.1 and found[1] > 0.1 and found[None] < 1e-6 else 1)
PY
