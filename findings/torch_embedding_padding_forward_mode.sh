#!/usr/bin/env bash
# torch 2.13.0 (numpy 2.3.3): torch.nn.functional.embedding with padding_idx.
#
# Behaviour: the reverse-mode derivative leaves the padding row out (its gradient is zero, as documented), the forward-mode
# derivative keeps it. The two modes give different values for the same directional derivative, without a warning.
# Expected: <gradient, t> by reverse mode equals the tangent along t by forward mode, as for every other differentiable operation.
# Guess before the run: forward mode would leave the padding row out as well.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q torch==2.13.0 numpy 2>/dev/null
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
from torch.autograd import forward_ad
from torch.nn.functional import embedding

weight = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
rows, t = torch.tensor([0, 1]), torch.ones(4, 3, dtype=torch.float64)
(gradient,) = torch.autograd.grad(embedding(rows, weight, padding_idx=0).sum(), weight)
with forward_ad.dual_level():
    out = embedding(rows, forward_ad.make_dual(weight.detach(), t), padding_idx=0)
    tangent = forward_ad.unpack_dual(out).tangent
reverse, forward = float((gradient * t).sum()), float(tangent.sum())
print(f"torch {torch.__version__}: directional derivative by reverse mode {reverse}, by forward mode {forward}")
sys.exit(0 if (reverse, forward) == (3.0, 6.0) else 1)
PYTHON
