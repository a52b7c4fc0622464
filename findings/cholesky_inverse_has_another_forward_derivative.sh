#!/usr/bin/env bash
# torch 2.13.0: forward mode of torch.cholesky_inverse, the inverse of a covariance from its factor.
#
# Expected: forward mode equals reverse mode, a difference, and cholesky_solve of the identity (1e-8 in float64).
# Seen: reverse mode and cholesky_solve are right; forward mode is off by four tenths of the largest entry of the derivative, for a lower
# and for an upper factor alike. For a diagonal factor it is right. So Hessian products by jvp of grad and forward-mode hypergradients through it
# are wrong as well. No error and no warning. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from torch.func import jacrev, jvp

torch.manual_seed(0)
eye, step, ok = torch.eye(3, dtype=torch.float64), 1e-6, True
for kind in ("diagonal", "triangular"):
    factor, along = torch.randn(3, 3, dtype=torch.float64).tril() + 3 * eye, torch.randn(3, 3, dtype=torch.float64).tril()
    if kind == "diagonal":
        factor, along = factor.diagonal().diag(), along.diagonal().diag()
    for name, inverse in (
        ("cholesky_inverse", lambda z: torch.cholesky_inverse(z)),
        ("cholesky_inverse(upper=True)", lambda z: torch.cholesky_inverse(z.mT, upper=True)),
        ("cholesky_solve", lambda z: torch.cholesky_solve(eye, z)),
    ):
        difference = (inverse(factor + step * along) - inverse(factor - step * along)) / (2 * step)
        forward = jvp(inverse, (factor,), (along,))[1]
        reverse = torch.einsum("ijkl,kl->ij", jacrev(inverse)(factor), along)
        off = [float((found - difference).abs().max() / difference.abs().max()) for found in (forward, reverse)]
        print(f"torch {torch.__version__} {name}, {kind} factor: relative error of forward mode {off[0]:.2g}, of reverse mode {off[1]:.2g}")
        ok &= off[1] < 1e-6 and ((off[0] > 0.01) if kind == "triangular" and name != "cholesky_solve" else off[0] < 1e-6)
raise SystemExit(0 if ok else 1)
PY
