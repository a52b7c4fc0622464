#!/usr/bin/env bash
# entmax 1.3 with torch 2.13.0: the second derivative of entmax15, a sparse softmax for soft labels and attention.
#
# Guess, written before the run: double backward of entmax15 is right to 1e-6 where no probability is about to become zero.
# Seen: it is right as long as all probabilities are positive, and NaN for the whole row as soon as one is exactly zero, which is what
# entmax is for. Its backward pass takes the root of the probabilities, whose slope at zero is infinite. First derivatives are finite.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "entmax==1.3" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from entmax import entmax15

def second(scores):
    x = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    (first,) = torch.autograd.grad((entmax15(x, dim=0) * weights).sum(), x, create_graph=True)
    twice = torch.autograd.grad(first[0], x)[0]
    moved = []
    for step in (1e-5, -1e-5):
        at = (x.detach() + step * torch.eye(3, dtype=torch.float64)[0]).requires_grad_()
        moved.append(torch.autograd.grad((entmax15(at, dim=0) * weights).sum(), at)[0][0])
    return entmax15(x, dim=0).detach(), first.detach(), float(twice[0]), float((moved[0] - moved[1]) / 2e-5)

ok = True
for scores, sparse in (([0.1, 0.3, 0.0], False), ([0.1, 0.3, -3.0], True)):
    p, first, twice, difference = second(scores)
    print(f"entmax {version('entmax')}: probabilities {[round(v, 3) for v in p.tolist()]}, gradient finite:"
          f" {bool(first.isfinite().all())}, d2/dx0^2 by double backward {twice:.6f}, by differences {difference:.6f}")
    ok &= (twice != twice) == sparse and (sparse or abs(twice - difference) < 1e-6) and difference == difference
raise SystemExit(0 if ok else 1)
PY
