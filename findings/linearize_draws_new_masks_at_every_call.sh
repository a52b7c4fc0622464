#!/usr/bin/env bash
# torch 2.13.0: torch.func.linearize of a function with dropout.
#
# Guess, written before the run: the function that linearize returns has one dropout mask for every tangent (it is documented as
# the linear approximation of the function at one point, whose intermediate results are kept).
# Seen: it draws a new mask at every call, so it is not linear: the same tangent gives another number each time, and twice the
# tangent not twice the number. Conjugate gradients and Neumann series, which call it many times, solve no system at all. Other draws
# (Gumbel noise, torch.randn) are renewed too; without randomness it equals jvp. The note warns of two evaluations of the function,
# not of new draws per call. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import logging
import sys

import torch
import torch.nn.functional as F
from torch.func import jvp, linearize

logging.disable(logging.WARNING)
torch.manual_seed(0)
x = torch.randn(20, 3).double()
weight, tangent = torch.randn(3, 3).double(), torch.randn(3, 3).double()
found = {}
for rate in (0.0, 0.5):

    def loss(weight, rate=rate):
        return F.dropout(torch.tanh(x @ weight), rate).square().sum()

    approximation = linearize(loss, weight)[1]
    values = [approximation(tangent).item() for _ in range(3)]
    doubled = approximation(2 * tangent).item() / 2
    print(f"dropout {rate}: three calls at one tangent {[round(value, 3) for value in values]}, half the call at twice the tangent {doubled:.3f}")
    found[rate] = max(values + [doubled]) - min(values + [doubled])
    if not rate:
        found["jvp"] = abs(values[0] - jvp(loss, (weight,), (tangent,))[1].item())
sys.exit(0 if found[0.5] > 0.1 and found[0.0] < 1e-9 and found["jvp"] < 1e-9 else 1)
PY
