#!/usr/bin/env bash
# torch-optimizer 0.3.0 with torch 2.13.0: SGDW(weight_decay=...), SGD with the decoupled weight decay of Loshchilov and Hutter.
#
# Guess, written before the run: each step is that of SGD less rate x decay x weight, as in torch.optim.AdamW's decay.
# Seen: each step subtracts rate x decay, a constant, from every weight, whatever the weight is. A weight of -2 is driven away from zero and one
# of 0 becomes negative; no weight shrinks in proportion. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "torch-optimizer==0.3.0"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
import torch_optimizer
from torch import nn

start = torch.tensor([100.0, 1.0, 0.0, -2.0], dtype=torch.float64)
weight = nn.Parameter(start.clone())
optimizer = torch_optimizer.SGDW([weight], lr=0.1, weight_decay=0.5)
for _ in range(10):
    optimizer.zero_grad()
    (0 * weight).sum().backward()
    optimizer.step()
decoupled = start * (1 - 0.1 * 0.5) ** 10
print(f"torch-optimizer {version('torch-optimizer')}, 10 steps of SGDW with gradient 0, rate 0.1, decay 0.5, from {start.tolist()}")
print(f"  SGDW: {[round(v, 4) for v in weight.tolist()]}")
print(f"  decoupled weight decay, w (1 - rate x decay)^10: {[round(v, 4) for v in decoupled.tolist()]}")
raise SystemExit(0 if torch.allclose(weight.detach(), start - 10 * 0.1 * 0.5) else 1)
PY
