#!/usr/bin/env bash
# torchdeq 0.1.0 with torch 2.13.0: the second derivative through a fixed point (get_deq(ift=True), implicit differentiation).
#
# Guess, written before the run: the first derivative is that of the closed form, a second derivative (create_graph=True) is right or refused.
# Seen: for z = s A z + s^2 b the first derivative is exact, and the second is finite, 15 % off and without a warning, with every solver and
# with hook_ift too: the solved adjoint is a constant to it, so the term in which the adjoint itself changes is missing. The
# unrolled gradient of the same library (ift=False, grad=50) is right in both. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "scipy==1.17.1" "torchdeq==0.1.0"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from torchdeq import get_deq

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
matrix, offset, outer = torch.randn(4, 4), torch.randn(4), torch.randn(4)
matrix = matrix / (2.5 * torch.linalg.matrix_norm(matrix, 2))


def derivatives(value):
    scale = torch.tensor(1.0, requires_grad=True)
    (first,) = torch.autograd.grad(value(scale), scale, create_graph=True)
    return float(first), float(torch.autograd.grad(first, scale)[0])


def fixed_point(scale, **options):
    deq = get_deq(f_max_iter=80, f_tol=1e-12, b_max_iter=80, b_tol=1e-12, **options)
    (z,), _ = deq(lambda z: scale * (z @ matrix.T) + scale**2 * offset, torch.zeros(1, 4))
    return (z @ outer).sum()


true = derivatives(lambda s: torch.linalg.solve(torch.eye(4) - s * matrix, s**2 * offset) @ outer)
print(f"torchdeq {version('torchdeq')}: closed form: first {true[0]:.6f}, second {true[1]:.6f}")
ok = True
for options in ({"ift": True, "f_solver": "anderson"}, {"ift": True, "f_solver": "fixed_point_iter"}, {"ift": True, "hook_ift": True}, {"ift": False, "grad": 50}):
    first, second = derivatives(lambda s, o=options: fixed_point(s, **o))
    print(f"{options}: first {first:.6f}, second {second:.6f}")
    ok &= abs(first - true[0]) < 1e-6 and (abs(second - true[1]) > 0.3) == options["ift"]
raise SystemExit(0 if ok else 1)
PY
