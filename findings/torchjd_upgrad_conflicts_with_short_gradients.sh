#!/usr/bin/env bash
# torchjd 0.18.0 with torch 2.13.0: UPGrad (and DualProj), whose direction is to conflict with no task's gradient.
#
# Guess, written before the run: the cosine of the direction with every gradient is at least -0.01, whatever the gradients' lengths.
# Seen: with one gradient 100 times as long as the other, the direction has cosine -0.55 with the shorter one, with 1,000 times -0.80,
# which is no projection at all. Before the projection 1e-4 is added to the diagonal of the Gramian over its trace, and the
# shorter gradient's own entry is (1/100)^2 = 1e-4 of that. A main loss whose gradients are small is sacrificed, without a
# warning; a projector with a smaller reg_eps (QuadprogProjector) keeps the promise. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "torchjd==0.18.0" "quadprog==0.1.14" "qpsolvers==4.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from torchjd.aggregation import UPGrad
from torchjd.linalg import QuadprogProjector

torch.set_default_dtype(torch.float64)
gradients = torch.tensor([[1.0, 0.0], [-0.8, 0.6]])
found = {}
for ratio in (1, 10, 100, 1000):
    rows = gradients * torch.tensor([[1.0], [float(ratio)]])
    for name, rule in (("default", UPGrad()), ("reg_eps=1e-10", UPGrad(projector=QuadprogProjector(reg_eps=1e-10)))):
        found[ratio, name] = round(float(torch.cosine_similarity(rule(rows), rows[0], dim=0)), 3)
print(f"torchjd {version('torchjd')}: cosine of UPGrad's direction with the shorter gradient, by ratio of lengths: {found}")
bad = found[1, "default"] > 0 and found[100, "default"] < -0.5 and found[1000, "default"] < -0.79
raise SystemExit(0 if bad and all(v > -0.01 for (_, name), v in found.items() if name != "default") else 1)
PY
