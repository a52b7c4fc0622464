#!/usr/bin/env bash
# torch 2.13.0 (CPU), torch.optim.Muon with nesterov=False on bfloat16 parameters.
# Behaviour: every step rescales the momentum buffer in place to Frobenius norm 1, so the running average is lost: the
# Newton-Schulz routine divides `update.bfloat16()` in place, and for a bfloat16 buffer that is the buffer itself.
# Expected: the buffer is the running average of the gradients, as it is for float32 parameters and with nesterov=True.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q "torch==2.13.0" numpy
"$folder/venv/bin/python" - <<'PY'
import sys
import torch

def buffer_norm(dtype, nesterov):
    w = torch.nn.Parameter(torch.ones(4, 6, dtype=dtype))
    optimizer = torch.optim.Muon([w], lr=0.0, weight_decay=0.0, momentum=0.9, nesterov=nesterov)
    for _ in range(20):
        w.grad = torch.full((4, 6), 10.0, dtype=dtype)
        optimizer.step()
    return float(optimizer.state[w]["momentum_buffer"].float().norm())

true = 10 * 24**0.5 * (1 - 0.9**20)
found = {(str(d), n): buffer_norm(d, n) for d in (torch.float32, torch.bfloat16) for n in (True, False)}
print(torch.__version__, "the running average has norm", round(true, 2), "and the buffers", found)
as_described = abs(found["torch.bfloat16", False] - 1) < 0.01 and abs(found["torch.float32", False] - true) < 0.1
sys.exit(0 if as_described else 1)
PY
