#!/usr/bin/env bash
# torch 2.13.0: torch.amp.GradScaler with two optimisers that share a trunk (one for each task, or one for the network and one for its labels).
#
# Expected: every gradient is divided by the scale once, or a parameter in two optimisers is refused.
# Seen: unscale_, and step without it, divide the gradients of each optimiser's parameters, so a shared parameter's gradient is divided twice:
# with the default scale it is 65,536 times too small at the second optimiser's step. The trunk takes the first optimiser's step alone, also in
# float32 on a CPU. The guard against unscaling twice is kept for each optimiser. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from torch import nn

moved = {}
for scaled in (False, True):
    torch.manual_seed(0)
    trunk, first, second = nn.Linear(3, 4), nn.Linear(4, 1), nn.Linear(4, 1)
    optimizers = [torch.optim.SGD([*trunk.parameters(), *head.parameters()], lr=0.1) for head in (first, second)]
    scaler = torch.amp.GradScaler("cpu", enabled=scaled)
    hidden = trunk(torch.randn(8, 3))
    scaler.scale(first(hidden).pow(2).mean() + second(hidden).pow(2).mean()).backward()
    start, moved[scaled] = trunk.weight.detach().clone(), []
    for optimizer in optimizers:
        before = trunk.weight.detach().clone()
        scaler.step(optimizer)
        moved[scaled].append(float((trunk.weight - before).norm()))
    scaler.update()
    print(f"torch {torch.__version__} GradScaler enabled={scaled}: the two optimisers move the trunk by {moved[scaled][0]:.4f} and {moved[scaled][1]:.2g}")
right = abs(moved[True][0] - moved[False][0]) < 1e-5
raise SystemExit(0 if right and moved[True][1] < 1e-3 * moved[False][1] and moved[False][1] > 0.01 else 1)
PY
