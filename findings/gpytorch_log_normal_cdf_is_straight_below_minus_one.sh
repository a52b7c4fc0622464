#!/usr/bin/env bash
# gpytorch 1.15.2 with torch 2.13.0: gpytorch.functions.log_normal_cdf, the log likelihood of a probit classifier (BernoulliLikelihood).
#
# Guess, written before the run: its gradient is right to 1e-5, and its second derivative right or refused.
# Seen: below -1 the second derivative is exactly 0, where it is -0.85 at -1.5 and -1 further down; above -1 it is right. The backward pass keeps
# what it needs as constants there. So a row on the wrong side has no curvature, which is where a Newton step or a Laplace approximation needs
# it. torch.special.log_ndtr is right. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "gpytorch==1.15.2" "scikit-learn==1.9.1" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import gpytorch
import torch

z = torch.tensor([-12.0, -6.0, -3.0, -1.5, -0.5, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
found = []
for function in (gpytorch.functions.log_normal_cdf, torch.special.log_ndtr):
    (first,) = torch.autograd.grad(function(z).sum(), z, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), z)
    found.append((first.detach(), second))
print(f"gpytorch {gpytorch.__version__} at {z.tolist()}")
print(f"  slope {[round(v, 4) for v in found[0][0].tolist()]}; torch.special.log_ndtr {[round(v, 4) for v in found[1][0].tolist()]}")
print(f"  second derivative {[round(v, 4) for v in found[0][1].tolist()]}; torch.special.log_ndtr {[round(v, 4) for v in found[1][1].tolist()]}")
low = z.detach() < -1
raise SystemExit(0 if (found[0][1][low] == 0).all() and torch.allclose(found[0][1][~low], found[1][1][~low], atol=1e-6) and (found[0][0] - found[1][0]).abs().max() < 1e-2 else 1)
PY
