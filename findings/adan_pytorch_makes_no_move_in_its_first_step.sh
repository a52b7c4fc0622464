#!/usr/bin/env bash
# adan-pytorch 0.1.0 with torch 2.13.0: Adan, the Adaptive Nesterov Momentum algorithm (Xie et al. 2022), one step.
#
# Guess, written before the run: the first step has the length of the rate for every weight, as the paper's algorithm 1, where the moments begin
# with the first gradient.
# Seen: the first step moves nothing: it only keeps the gradient for the next one. An inner loop of one step (MAML) learns nothing, and all
# counts of the bias corrections run one step ahead of the moments, so the second step is off too. No warning is given.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "adan-pytorch==0.1.0"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from adan_pytorch import Adan
from torch import nn

rate, betas, eps, steps = 0.1, (0.02, 0.08, 0.01), 1e-8, 4
start, scale = torch.tensor([1.0, -2.0], dtype=torch.float64), torch.tensor([1.0, 10.0], dtype=torch.float64)
weight = nn.Parameter(start.clone())
optimizer = Adan([weight], lr=rate, betas=betas, eps=eps)
path = []
for _ in range(steps):
    optimizer.zero_grad()
    (scale * weight.square()).sum().backward()
    optimizer.step()
    path.append(weight.detach().clone())
w, own, before = start.clone(), [], None
for _ in range(steps):  # algorithm 1 of the paper
    g = 2 * scale * w
    if before is None:
        m, v, n = g, torch.zeros_like(g), g**2
    else:
        m, v = (1 - betas[0]) * m + betas[0] * g, (1 - betas[1]) * v + betas[1] * (g - before)
        n = (1 - betas[2]) * n + betas[2] * (g + (1 - betas[1]) * (g - before)) ** 2
    before, w = g, w - rate / (n.sqrt() + eps) * (m + (1 - betas[1]) * v)
    own.append(w)
print(f"adan-pytorch {version('adan-pytorch')}, steps from {start.tolist()} at rate {rate}")
for k in range(steps):
    print(f"  step {k + 1}: Adan {[round(x, 4) for x in path[k].tolist()]}, the paper's algorithm {[round(x, 4) for x in own[k].tolist()]}")
raise SystemExit(0 if torch.equal(path[0], start) and (own[0] - start).abs().min() > 0.09 and (path[1] - start).abs().min() > 0.05 else 1)
PY
