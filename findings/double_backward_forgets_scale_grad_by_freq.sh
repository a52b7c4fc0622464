#!/usr/bin/env bash
# torch 2.13.0: the second derivative of an Embedding with scale_grad_by_freq=True is silently wrong.
#
# Guess, written before the run: d/dw <q, grad> of a gradient that is linear in a weight w of the loss equals <q, grad at
# w = 1>, by double backward as by a difference of two gradients (1e-9 in float64).
# Seen: double backward gives the product without the scaling by frequency. No warning is given.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" - <<'PY'
import torch
from torch import nn

torch.manual_seed(0)
table = nn.Embedding(5, 3, scale_grad_by_freq=True).double()
ids, q = torch.tensor([0, 0, 0, 1, 2]), torch.randn(5, 3, dtype=torch.float64)

def gradient(w):
    return torch.autograd.grad(w * table(ids).pow(2).sum(), table.weight, create_graph=True)[0]

w = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
twice = float(torch.autograd.grad((gradient(w) * q).sum(), w)[0])
step = 1e-3
difference = float(((gradient(w + step) - gradient(w - step)) * q).sum().detach() / (2 * step))
error = abs(twice - difference) / abs(difference)
print(f"torch {torch.__version__}: double backward {twice:.6f}, difference of gradients {difference:.6f}, off by {error:.2g}")
raise SystemExit(0 if error > 1e-3 else 1)
PY
