#!/usr/bin/env bash
# curvlinops-for-pytorch 3.0.1 with torch 2.13.0: KFAC and the sampled Fisher of a loss with unlabelled rows (ignore_index=-100).
#
# Guess, written before the run: unlabelled rows are left out of KFACLinearOperator and FisherMCLinearOperator as of GGNLinearOperator,
# or the loss is refused.
# Seen: both are the same to the last bit whether three of seven labels are there or all: they draw labels from the model for every row
# and never see which rows have none. The Gauss-Newton operator leaves the rows out. So an inverse curvature by KFAC and
# one by Gauss-Newton disagree by more than the factorisation, the more the fewer rows are labelled. No warning is given.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "curvlinops-for-pytorch==3.0.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from curvlinops import FisherMCLinearOperator, GGNLinearOperator, KFACLinearOperator
from torch import nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
net, x = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)), torch.randn(7, 3)
labels = torch.tensor([0, 1, 2, 1, 0, 2, 1])
few = labels.where(torch.arange(7) < 3, torch.tensor(-100))

def dense(kind, y):
    torch.manual_seed(1)
    operator = kind(net, nn.CrossEntropyLoss(reduction="sum"), list(net.parameters()), [(x, y)])
    return operator @ torch.eye(operator.shape[1])

change = {}
for kind in (GGNLinearOperator, KFACLinearOperator, FisherMCLinearOperator):
    every = dense(kind, labels)
    change[kind.__name__] = float((dense(kind, few) - every).norm() / every.norm())
print(f"curvlinops {version('curvlinops-for-pytorch')}: relative change of the matrix when four of seven labels are taken away: {change}")
raise SystemExit(0 if change["GGNLinearOperator"] > 0.3 and change["KFACLinearOperator"] == change["FisherMCLinearOperator"] == 0 else 1)
PY
