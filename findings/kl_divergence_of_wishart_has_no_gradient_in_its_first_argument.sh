#!/usr/bin/env bash
# torch 2.13.0: torch.distributions.kl_divergence(p, q) of two Wishart distributions (priors of covariances, variational fits).
#
# Guess, written before the run: derivatives of kl_divergence in the parameters of both arguments equal differences (1e-5 in float64).
# Seen: the value is right, and so is the derivative in q. The derivative in p is exactly 0: the general formula for exponential families, which
# Wishart falls back to, takes p's natural parameters as constants. A variational posterior under such a penalty is not drawn to its prior. The
# families with formulas of their own (Normal, Gamma, Dirichlet, ...) have both derivatives. No warning is given. Exits non-zero if the behaviour
# changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from torch.distributions import Gamma, Wishart, kl_divergence

D = torch.float64


def wishart(x):
    return Wishart(x[0] + 4, torch.diag(x[1:3]) + 0.1)


x, error = torch.tensor([0.5, 0.6, 0.7, 0.4, 0.5, 0.8], dtype=D, requires_grad=True), {}
pairs = {"Wishart": lambda x: kl_divergence(wishart(x[:3]), wishart(x[3:])), "Gamma": lambda x: kl_divergence(Gamma(x[0], x[1]), Gamma(x[3], x[4]))}
for name, kl in pairs.items():
    (gradient,) = torch.autograd.grad(kl(x), x)
    difference = torch.stack([(kl(x + 1e-6 * e) - kl(x - 1e-6 * e)) / 2e-6 for e in torch.eye(6, dtype=D)]).detach()
    error[name] = [float((gradient - difference)[part].abs().max()) for part in (slice(0, 3), slice(3, 6))]
    print(f"torch {torch.__version__} {name}: KL {float(kl(x)):.4f}; d/dp {[round(g, 4) for g in gradient[:3].tolist()]}, by differences {[round(g, 4) for g in difference[:3].tolist()]}; d/dq off by {error[name][1]:.0e}")
zero = bool((torch.autograd.grad(pairs["Wishart"](x), x)[0][:3] == 0).all())
raise SystemExit(0 if zero and error["Wishart"][0] > 0.05 and error["Wishart"][1] < 1e-5 and max(error["Gamma"]) < 1e-5 else 1)
PY
