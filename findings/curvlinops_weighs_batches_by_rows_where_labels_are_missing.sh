#!/usr/bin/env bash
# curvlinops-for-pytorch 3.0.1 with torch 2.13.0: the Hessian and the Gauss-Newton operator of CrossEntropyLoss(ignore_index=-100) over data in
# several batches.
#
# Guess, written before the run: the operators are those of the loss over all rows, however the rows are cut into batches.
# Seen: with ten rows, of which six have a label, one batch gives the loss's Hessian exactly. Two batches of five, with one and five labels, give
# another one, off by .4 of itself: each batch's mean over its labelled rows is weighed by its number of rows. So curvature, and an inverse of it
# in a hypergradient, depend on how the loader cuts the data. With all labels there both agree. No warning is given. Exits non-zero if the
# behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "curvlinops-for-pytorch==3.0.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import curvlinops
import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
network, rows, every = nn.Linear(3, 4), torch.randn(10, 3), torch.randint(0, 4, (10,))
few = every.clone()
few[:4] = -100
loss = nn.CrossEntropyLoss(ignore_index=-100)
flat = torch.cat([p.detach().flatten() for p in network.parameters()])
found = {}
for name, labels in (("all labels", every), ("six of ten labels", few)):
    right = torch.func.hessian(lambda w: loss(nn.functional.linear(rows, w[:12].view(4, 3), w[12:]), labels))(flat)
    for operator in (curvlinops.HessianLinearOperator, curvlinops.GGNLinearOperator):
        for cut in (10, 5):
            data = list(zip(rows.split(cut), labels.split(cut)))
            matrix = operator(network, loss, list(network.parameters()), data) @ torch.eye(16)
            found[name, operator.__name__, cut] = float((matrix - right).norm() / right.norm())
            print(f"{name}, {operator.__name__}, {len(data)} batches: off from the loss's own by {found[name, operator.__name__, cut]:.2g} of it")
wrong = [value > 0.1 for value in found.values()]
raise SystemExit(0 if wrong == [False] * 4 + [False, True] * 2 else 1)
PY
