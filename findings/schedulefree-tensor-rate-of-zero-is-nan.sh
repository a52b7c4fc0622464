#!/usr/bin/env bash
# schedulefree 1.4.1 with torch 2.13.0, SGDScheduleFree and AdamWScheduleFree with `lr` a tensor (their type says
# Union[float, torch.Tensor]).
# Behaviour: a first step at rate zero, as a warm-up that starts at 0 takes it, turns every weight into NaN when the rate
# is a tensor: 0 / 0 is caught as ZeroDivisionError, which tensors do not raise. With a float nothing moves.
# Expected: the same as with a float.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q "torch==2.13.0" "schedulefree==1.4.1" numpy
"$folder/venv/bin/python" - <<'PY'
import math
import sys
import torch
import schedulefree

found = {}
for kind in (schedulefree.SGDScheduleFree, schedulefree.AdamWScheduleFree):
    for rate in (0.0, torch.tensor(0.0)):
        w = torch.nn.Parameter(torch.ones(1))
        optimizer = kind([w], lr=rate)
        optimizer.train()
        w.grad = torch.ones(1)
        optimizer.step()
        found[kind.__name__, type(rate).__name__] = float(w)
print(found)
nan = [math.isnan(v) for (_, rate), v in found.items() if rate == "Tensor"]
sys.exit(0 if all(nan) and all(v == 1.0 for (_, rate), v in found.items() if rate == "float") else 1)
PY
