#!/usr/bin/env bash
# higher 0.2.1 with torch 2.13.0, higher.innerloop_ctx on torch.optim.Adam(decoupled_weight_decay=True).
# Behaviour: the differentiable Adam does not read `decoupled_weight_decay` and adds the decay to the gradient, without a
# word. With a gradient of zero, w = 1, rate 0.1 and decay 0.5 it gives 0.9, a whole step of Adam; torch gives
# 1 - 0.1 * 0.5 = 0.95.
# Expected: torch's step, or a refusal, as for torch.optim.AdamW, which is the same optimiser.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q "torch==2.13.0" "higher==0.2.1" numpy
"$folder/venv/bin/python" - <<'PY'
import sys
import higher
import torch

def network():
    made = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(made.weight)
    return made

def adam(of):
    return torch.optim.Adam(of.parameters(), lr=0.1, weight_decay=0.5, decoupled_weight_decay=True)

x, theirs, plain = torch.zeros(1, 1), network(), network()
optimizer = adam(plain)
plain(x).sum().backward()
optimizer.step()
with higher.innerloop_ctx(theirs, adam(theirs)) as (moved, step):
    step.step(moved(x).sum())
    found = next(iter(moved.parameters())).item()
print(torch.__version__, f"torch: {plain.weight.item():.4f}", f"higher: {found:.4f}")
sys.exit(0 if abs(plain.weight.item() - 0.95) < 1e-6 and abs(found - 0.9) < 1e-6 else 1)
PY
