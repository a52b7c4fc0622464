#!/usr/bin/env bash
# higher 0.2.1 with torch 2.13.0: DifferentiableAdam, one step from a fresh optimiser.
#
# Guess, written before the run: the unrolled step equals torch.optim.Adam.step() to 1e-7, as that of SGD, RMSprop and Adagrad does.
# Seen: with a gradient of 1e-8 (eps is 1e-8) the unrolled step is 0.06 of the optimiser's. higher adds eps before the correction of the
# second moment's bias, where torch adds it after: on the first step its eps is 1/sqrt(1 - 0.999), 32 times, as large.
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

class Weight(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    def forward(self):
        return (1e-8 * self.w).sum()

net = Weight()
with higher.innerloop_ctx(net, torch.optim.Adam(net.parameters(), lr=1.0)) as (fast, inner):
    inner.step(fast())
    unrolled = float(fast.w)
optimizer = torch.optim.Adam(net.parameters(), lr=1.0)
net().backward()
optimizer.step()
print(f"higher {version('higher')}, torch {torch.__version__}: step of the optimiser {float(net.w):.4f}, of higher {unrolled:.4f}")
raise SystemExit(0 if abs(float(net.w) + 0.5) < 1e-3 and abs(unrolled + 1 / 32.6) < 1e-3 else 1)
PY
