#!/usr/bin/env bash
# higher 0.2.1 with torch 2.13.0, higher.innerloop_ctx on torch.optim.SGD(maximize=True).
# Behaviour: the differentiable optimiser does not read the option `maximize` of the optimiser that it stands for. It goes
# down where torch goes up, without a word: from w = 1 on the loss w^2, one step of rate 0.1 gives 0.8, and torch gives 1.2.
# Expected: torch's step, or a refusal, as for the optimisers that higher does not support.
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

x, theirs, plain = torch.ones(1, 1), network(), network()
optimizer = torch.optim.SGD(plain.parameters(), lr=0.1, maximize=True)
plain(x).square().sum().backward()
optimizer.step()
with higher.innerloop_ctx(theirs, torch.optim.SGD(theirs.parameters(), lr=0.1, maximize=True)) as (moved, step):
    step.step(moved(x).square().sum())
    found = next(iter(moved.parameters())).item()
print(torch.__version__, f"torch: {plain.weight.item():.4f}", f"higher: {found:.4f}")
sys.exit(0 if abs(plain.weight.item() - 1.2) < 1e-6 and abs(found - 0.8) < 1e-6 else 1)
PY
