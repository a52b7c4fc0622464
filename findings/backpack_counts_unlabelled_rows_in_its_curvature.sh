#!/usr/bin/env bash
# backpack-for-pytorch 1.7.1 with torch 2.13.0: DiagGGNExact and DiagHessian of torch.nn.CrossEntropyLoss where some labels are -100.
#
# Guess, written before the run: rows of ignore_index are left out of the curvature, as torch leaves them out of the loss, or an error is raised.
# Seen: they count. The loss, its gradient and BatchGrad are right; the diagonals are the mean of all rows' curvature, with p (1 - p) for rows that have no
# label, instead of the mean over labelled rows. With four of eight rows unlabelled, and those five times as large, the diagonal is 8 times too
# large, so a Newton step or the variance of a Laplace posterior is as much too small. Class weights and another ignore_index raise an error; -100,
# torch's default, passes the check. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "einops==0.8.2" "packaging==26.3"
"$folder/env/bin/python" -m pip install -q --no-deps "backpack-for-pytorch==1.7.1" "unfoldNd==0.2.3" "einconv==0.1.0"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from backpack import backpack, extend
from backpack.extensions import BatchGrad, DiagGGNExact, DiagHessian
from torch.func import hessian

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
x, y = torch.randn(8, 3), torch.randint(0, 3, (8,))
x[4:] *= 5
missing = torch.where(torch.arange(8) < 4, y, -100)
model, loss = extend(torch.nn.Linear(3, 3, bias=False)), extend(torch.nn.CrossEntropyLoss())


def diagonals(x, y):
    model.zero_grad()
    with backpack(BatchGrad(), DiagGGNExact(), DiagHessian()):
        loss(model(x), y).backward()
    w = model.weight
    exact = hessian(lambda w: torch.nn.functional.cross_entropy(x @ w.T, y))(w.detach())
    return w.grad_batch.sum(0) - w.grad, w.diag_ggn_exact.clone(), w.diag_h.clone(), exact.reshape(9, 9).diagonal().reshape(3, 3)


found = {}
for name, rows in {"every row labelled": (x, y), "four of eight rows labelled": (x, missing), "the four labelled rows alone": (x[:4], y[:4])}.items():
    rest, ggn, diagonal, exact = diagonals(*rows)
    found[name] = (ggn / exact).max().item(), (diagonal / exact).max().item(), rest.abs().max().item()
    print(f"backpack {version('backpack-for-pytorch')}, {name}: DiagGGNExact up to {found[name][0]:.2f} times the Hessian's diagonal, DiagHessian {found[name][1]:.2f}; BatchGrad {found[name][2]:.0e} from the gradient")
every, some, alone = found.values()
ok = all(abs(v - 1) < 1e-9 for case in (every, alone) for v in case[:2]) and some[2] < 1e-12
raise SystemExit(0 if ok and some[0] > 1.5 and some[1] > 1.5 else 1)
PY
