#!/usr/bin/env bash
# torchjd 0.18.0 with torch 2.13.0: CAGrad(c=0.5), whose direction lies within half the mean gradient's length of the mean gradient.
#
# Guess, written before the run: gradients that are all multiplied by one number give the direction times that number, and a task whose gradient
# is zero (no labels in the batch) leaves a direction near the mean.
# Seen: below a norm of about .01 the direction is exactly zero, and training stands still: a Gramian whose trace is under norm_eps=1e-4, the
# square of the gradients' length, counts as zero. It is zero as well whenever one task's gradient is zero, however long the
# others are, because a norm below norm_eps is taken for a Pareto front. No weight is given to any task, without a warning; CAGrad's own
# constraint is broken in both. A smaller norm_eps mends the first. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "torchjd==0.18.0" "cvxpy==1.7.5" "clarabel==0.11.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from torchjd.aggregation import CAGrad

torch.set_default_dtype(torch.float64)
gradients = torch.tensor([[1.0, 0.0], [0.6, 0.8]])  # no conflict
silent = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
cases = {"length 1": gradients, "length .01": gradients * 0.01, "length .005": gradients * 0.005, "length .0001": gradients * 1e-4, "one task silent": silent}
found = {}
for name, rows in cases.items():
    mean = rows.mean(0)
    for eps in (1e-4, 1e-12):
        direction = CAGrad(c=0.5, norm_eps=eps)(rows)
        found[name, eps] = float((direction - mean).norm() / mean.norm()), float(direction.norm())
        print(f"torchjd {version('torchjd')} norm_eps={eps}, {name}: direction {direction.tolist()}, {found[name, eps][0]:.2f} of the mean's length away from the mean (at most .5)")
ok = all(found[n, 1e-4][0] <= 0.51 for n in ("length 1", "length .01"))
ok &= all(found[n, 1e-4][1] == 0 for n in ("length .005", "length .0001", "one task silent"))
raise SystemExit(0 if ok and all(found[n, 1e-12][0] <= 0.51 for n in ("length .005", "length .0001")) else 1)
PY
