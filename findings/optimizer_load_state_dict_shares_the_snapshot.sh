#!/usr/bin/env bash
# torch 2.13.0: torch.optim.Optimizer.load_state_dict with a snapshot of the optimiser that is restored more than once (MAML, look-ahead,
# trying several settings from one place).
#
# Guess, written before the run: it copies, as Module.load_state_dict does, so a snapshot (copied deeply once) can be restored as often as
# one likes.
# Seen: the optimiser's state is the snapshot's own tensors. Every step after the first restoring writes into the snapshot, and the second
# restoring gives the momentum of the steps that it should undo: Adam is at step 3 instead of 1. Weights restored by
# Module.load_state_dict beside it are right, which hides it. The function that moves the tensors says "make a deep copy". No warning is
# given; a deepcopy at every restoring is right. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import copy
import torch

torch.manual_seed(0)
model = torch.nn.Linear(3, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)


def step():
    optimizer.zero_grad()
    model(torch.ones(2, 3)).pow(2).sum().backward()
    optimizer.step()


step()
weights, snapshot = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
ends = []
for _ in range(2):
    model.load_state_dict(weights)
    optimizer.load_state_dict(snapshot)
    counted = optimizer.state_dict()["state"][0]["step"].item()
    step()
    step()
    ends.append(model.weight.detach().clone())
    print(f"restored: Adam is at step {counted:.0f}; two steps later the first weight is {ends[-1][0, 0].item():+.4f}")
apart = (ends[0] - ends[1]).abs().max().item()
print(f"torch {torch.__version__}: the same two steps from the same snapshot end {apart:.3f} apart")
raise SystemExit(0 if counted == 3 and apart > 1e-3 else 1)
PY
