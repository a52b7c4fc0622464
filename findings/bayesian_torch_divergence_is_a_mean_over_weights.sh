#!/usr/bin/env bash
# bayesian-torch 0.5.0 with torch 2.13.0: get_kl_loss(network) of variational layers, which its README adds to the loss as kl / batch_size.
#
# Guess, written before the run: the Kullback-Leibler divergence of the weights' joint posterior from the prior, the sum over all weights, as the
# evidence lower bound has it.
# Seen: each layer gives the MEAN over its weights plus the mean over its biases. A layer of 1,000,000 weights counts as much as one of 10, and the
# penalty does not grow with the size of the network: the sum is 50 times as much for 110 weights and 500,000 times for a million. No warning is given.
# Exits non-zero if the behaviour changes.
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
from bayesian_torch.layers import Conv2dFlipout, LinearFlipout, LinearReparameterization
from bayesian_torch.models.dnn_to_bnn import get_kl_loss
from torch import nn
from torch.distributions import Normal, kl_divergence

def summed(layer):
    named = dict(layer.named_parameters())
    pairs = [(named[n], named[n.replace("mu_", "rho_")]) for n in named if n.startswith("mu_")]
    return sum(float(kl_divergence(Normal(m, torch.log1p(r.exp())), Normal(torch.zeros_like(m), 1.0)).sum()) for m, r in pairs)

torch.manual_seed(0)
print(f"bayesian-torch {version('bayesian-torch')}")
ratios = []
for name, layer in (
    ("LinearReparameterization(10, 10)", LinearReparameterization(10, 10)),
    ("LinearReparameterization(1000, 1000)", LinearReparameterization(1000, 1000)),
    ("LinearFlipout(1000, 1000)", LinearFlipout(1000, 1000)),
    ("Conv2dFlipout(64, 64, 3)", Conv2dFlipout(64, 64, 3)),
):
    found, whole = float(get_kl_loss(nn.Sequential(layer))), summed(layer)
    ratios.append(whole / found)
    print(f"  {name}: get_kl_loss {found:.3f}, sum over weights and biases {whole:.1f}, {ratios[-1]:.0f} times as much")
raise SystemExit(0 if ratios[0] < 100 and min(ratios[1:]) > 10000 and ratios[1] > 100000 else 1)
PY
