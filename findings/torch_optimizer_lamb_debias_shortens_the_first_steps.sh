#!/usr/bin/env bash
# torch-optimizer 0.3.0 with torch 2.13.0: Lamb(debias=True) ("debias adam by (1 - beta**step)"), You et al. (2020), algorithm 2.
#
# Guess, written before the run: the first step moves each layer by rate x its weights' norm, as in the paper, where the corrected Adam step is scaled to
# the norm of the weights: a constant factor of it cancels.
# Seen: the correction is put on the scaled step instead. It multiplies the learning rate by sqrt(1 - 0.999^t) / (1 - 0.9^t): the first step is 0.32 of the
# paper's, the tenth 0.15, and it is still half after some 280 steps. With debias=False (the default) the steps are the paper's with correction. No warning
# is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "torch-optimizer==0.3.0"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
import torch_optimizer
from torch import nn

rate, betas, eps = 0.01, (0.9, 0.999), 1e-6
start = torch.tensor([1.0, -2.0], dtype=torch.float64)

def moves(debias, steps=300):
    weight = nn.Parameter(start.clone())
    optimizer, found = torch_optimizer.Lamb([weight], lr=rate, debias=debias), []
    for t in range(steps):
        before = weight.detach().clone()
        weight.grad = torch.tensor([1.0, 0.5], dtype=torch.float64) * (-1) ** (t // 3)
        optimizer.step()
        found.append(float((weight.detach() - before).norm() / (rate * before.norm())))
    return found

def by_the_paper(steps=300):
    w, m, v, found = start.clone(), 0.0, 0.0, []
    for t in range(1, steps + 1):
        g = torch.tensor([1.0, 0.5], dtype=torch.float64) * (-1) ** ((t - 1) // 3)
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2
        step = (m / (1 - betas[0] ** t)) / ((v / (1 - betas[1] ** t)).sqrt() + eps)
        new = w - rate * w.norm() / step.norm() * step
        found.append(float((new - w).norm() / (rate * w.norm())))
        w = new
    return found

with_it, without, paper = moves(True), moves(False), by_the_paper()
print(f"torch-optimizer {version('torch-optimizer')}: length of the move over rate x norm of the weights, steps 1, 2, 10, 100, 280")
for name, found in (("debias=True", with_it), ("debias=False", without), ("the paper's, with the correction", paper)):
    print(f"  {name}: {[round(found[t - 1], 3) for t in (1, 2, 10, 100, 280)]}")
factor = [(1 - betas[1] ** t) ** 0.5 / (1 - betas[0] ** t) for t in range(1, 301)]
same = max(abs(a - b) for a, b in zip(with_it, factor))
raise SystemExit(0 if same < 1e-3 and max(abs(v - 1) for v in without + paper) < 1e-3 and with_it[0] < 0.35 and with_it[9] < 0.2 else 1)
PY
