#!/usr/bin/env bash
# torch 2.13.0: torch.nn.utils.parametrizations.orthogonal on a weight that is not square, trained by AdamW with its defaults.
#
# Expected: the layer computes the same function of its parameters around any value of them, so a small change of
# the parameters changes the weight a little, and weight decay leaves it orthogonal.
# Seen: after one step of AdamW (weight_decay=0.01) the whole weight is exactly zero, and stays so. Such weights are made of Householder
# reflectors by default, the signs of whose columns are kept on the diagonal of the parameter, and the forward pass takes
# `.int()` of it: any decay turns 1.0 into 0.99999, which is 0.
# Square weights use another map and stay orthogonal. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from torch import nn
from torch.nn.utils.parametrizations import orthogonal

def norms(shape, decay):
    torch.manual_seed(0)
    layer = orthogonal(nn.Linear(*shape))
    optimizer = torch.optim.AdamW(layer.parameters(), weight_decay=decay)
    start = float(layer.weight.norm())
    layer(torch.randn(8, shape[0])).square().sum().backward()
    optimizer.step()
    return round(start, 3), round(float(layer.weight.norm()), 3)

found = {(shape, decay): norms(shape, decay) for shape in ((6, 4), (4, 4)) for decay in (0.0, 0.01)}
print(f"torch {torch.__version__}: (in, out), weight decay: norm of the weight before and after one step: {found}")
raise SystemExit(0 if found[(6, 4), 0.01] == (2.0, 0.0) and all(v == (2.0, 2.0) for k, v in found.items() if k != ((6, 4), 0.01)) else 1)
PY
