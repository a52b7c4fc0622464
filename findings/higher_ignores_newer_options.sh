#!/usr/bin/env bash
# higher 0.2.1 with torch 2.13.0: higher.innerloop_ctx with options of torch.optim that are newer than higher.
#
# Guess, written before the run: maximize=True is followed or refused, and so is Adam's decoupled_weight_decay=True.
# Seen: both are ignored without a warning. The inner loop descends where the optimiser's own step() ascends, so the sign of the
# meta-gradient is that of another training; decoupled weight decay is taken as a term of the gradient.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "higher==0.2.1" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import higher
import torch
from torch import nn

def both(make):
    moved = []
    for unrolled in (False, True):
        torch.manual_seed(0)
        net, x = nn.Linear(2, 1, bias=False), torch.ones(3, 2)
        with torch.no_grad():
            net.weight.fill_(1.0)
        optimizer = make(net.parameters())
        if unrolled:
            with higher.innerloop_ctx(net, optimizer) as (fast, inner):
                inner.step(fast(x).square().mean())
                moved.append(round(float(next(iter(fast.parameters())).detach().flatten()[0]), 4))
        else:
            net(x).square().mean().backward()
            optimizer.step()
            moved.append(round(float(net.weight.detach().flatten()[0]), 4))
    return moved

ascent = both(lambda p: torch.optim.SGD(p, lr=0.1, maximize=True))
decay = both(lambda p: torch.optim.Adam(p, lr=0.1, weight_decay=2.0, decoupled_weight_decay=True))
print(f"higher {version('higher')}, torch {torch.__version__}: a weight of 1.0 after one step of the optimiser, and of higher")
print(f"SGD(maximize=True): {ascent}; Adam(decoupled_weight_decay=True): {decay}")
raise SystemExit(0 if ascent[0] > 1 > ascent[1] and decay[0] != decay[1] else 1)
PY
