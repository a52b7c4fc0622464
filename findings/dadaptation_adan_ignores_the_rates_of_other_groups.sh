#!/usr/bin/env bash
# dadaptation 3.2 with torch 2.13.0: DAdaptAdaGrad and DAdaptAdan with two groups of parameters at different rates (a head and a pretrained trunk).
#
# Guess, written before the run: refused with the message that DAdaptAdam, DAdaptSGD and DAdaptLion have ("Setting different lr values in
# different parameter groups is only supported for values of 0"), or each group at its own rate.
# Seen: both take the first group's rate for all groups. A group of rate 0 (frozen) is trained like the others, and so is one at a hundredth of the
# rate, to the last bit. DAdaptLion refuses other rates but trains a group of rate 0 as well, the one value that its message allows. DAdaptAdam
# and DAdaptSGD leave that group alone. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "dadaptation==3.2"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import dadaptation
import torch
from torch import nn

def trained(make, rate):
    head, trunk = (nn.Parameter(torch.ones(1, dtype=torch.float64)) for _ in range(2))
    optimizer = make([{"params": [head], "lr": 1.0}, {"params": [trunk], "lr": rate}])
    for _ in range(80):
        optimizer.zero_grad()
        ((head - 0.3).square() + (trunk - 0.3).square()).sum().backward()
        optimizer.step()
    return float(head), float(trunk)

print(f"dadaptation {version('dadaptation')}: head and trunk from 1 after 80 steps towards 0.3, the head at rate 1")
ok = True
for name in ("DAdaptAdaGrad", "DAdaptAdan"):
    for rate in (0.01, 0.0):
        head, trunk = trained(getattr(dadaptation, name), rate)
        print(f"  {name}, trunk at rate {rate}: head {head:.6f}, trunk {trunk:.6f}")
        ok &= head == trunk and trunk < 0.999
for name in ("DAdaptAdam", "DAdaptSGD", "DAdaptLion"):
    frozen = trained(getattr(dadaptation, name), 0.0)
    try:
        trained(getattr(dadaptation, name), 0.01)
        refused = False
    except RuntimeError:
        refused = True
    print(f"  {name}: a rate of 0.01 is refused {refused}; trunk at rate 0: {frozen[1]}")
    ok &= refused and ((frozen[1] == 1) if name != "DAdaptLion" else frozen[1] < 0.9)
raise SystemExit(0 if ok else 1)
PY
