#!/usr/bin/env bash
# bayesian-torch 0.5.0 with torch 2.13.0: LinearReparameterization(prior_variance=...) ("variance of the prior gaussian distribution to be used on the
# complexity cost") and its Kullback-Leibler divergence.
#
# Guess, written before the run: the divergence is that from a normal prior whose variance is prior_variance.
# Seen: prior_variance is the prior's standard deviation: with 0.01 the divergence per weight is that of a prior of variance 0.0001, a hundred times as
# strong a penalty. At the default 1 both are the same. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import subprocess
import sys
from importlib.metadata import version

subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "bayesian-torch==0.5.0"], check=True)
import torch
from bayesian_torch.layers import LinearReparameterization
from torch.distributions import Normal, kl_divergence

print(f"bayesian-torch {version('bayesian-torch')}: divergence per weight of a layer without bias")
ok = True
for variance in (1.0, 0.25, 0.01):
    torch.manual_seed(0)
    layer = LinearReparameterization(20, 30, prior_mean=0.0, prior_variance=variance, bias=False)
    found = float(layer.kl_loss())
    posterior = Normal(layer.mu_weight, torch.log1p(layer.rho_weight.exp()))
    as_variance = float(kl_divergence(posterior, Normal(torch.zeros(30, 20), variance**0.5)).mean())
    as_deviation = float(kl_divergence(posterior, Normal(torch.zeros(30, 20), variance)).mean())
    print(f"  prior_variance {variance}: found {found:.4f}; prior of that variance {as_variance:.4f}, of that standard deviation {as_deviation:.4f}")
    ok &= abs(found - as_deviation) < 1e-3 * max(1, found) and (variance == 1 or abs(found - as_variance) > 0.1)
raise SystemExit(0 if ok else 1)
PY
