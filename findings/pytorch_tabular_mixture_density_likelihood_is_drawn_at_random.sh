#!/usr/bin/env bash
# pytorch-tabular 1.2.0 with torch 2.13.0: the mixture density head, its log likelihood and its point predictions (central_tendency "mean").
#
# Expected: the log likelihood is log sum_k pi_k N(y | mu_k, sigma_k) with pi the softmax of the logits, and the point prediction goes
# to sum_k pi_k mu_k with many samples.
# Seen: the weights pi are drawn anew at every call by gumbel_softmax, in training, validation and prediction. Two components of equal weight get weights
# such as .9 and .1: the same row has another likelihood at every call, on average below the mixture's, and a point prediction from 400 samples
# is spread over the whole range between the two means. No warning is given. The script loads the module of the head on its own.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import importlib.util
import math
import subprocess
import sys
import types
from importlib.metadata import distribution, version
from unittest.mock import MagicMock

subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "pytorch-tabular==1.2.0"], check=True)
import torch
from torch import nn

for name in ("omegaconf", "pytorch_tabular", "pytorch_tabular.utils", "pytorch_tabular.models", "pytorch_tabular.models.common", "pytorch_tabular.models.common.heads"):
    sys.modules[name] = MagicMock(__path__=[])  # configuration and logs, which the head does not use
place = distribution("pytorch-tabular").locate_file("pytorch_tabular/models/common/heads/blocks.py")
spec = importlib.util.spec_from_file_location("pytorch_tabular.models.common.heads.blocks", place)
blocks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(blocks)

options = dict(input_dim=1, num_gaussian=2, sigma_bias_flag=True, mu_bias_init=None, softmax_temperature=1, n_samples=400, central_tendency="mean")
torch.manual_seed(0)
head = blocks.MixtureDensityHead(types.SimpleNamespace(**options)).eval()
pi, sigma, mu, y = torch.zeros(1, 2), torch.full((1, 2), 0.5), torch.tensor([[-5.0, 5.0]]), torch.tensor([[5.0]])
with torch.no_grad():
    likelihood = torch.stack([head.log_prob(pi, sigma, mu, y)[0] for _ in range(2000)])
    points = torch.stack([head.generate_point_predictions(pi, sigma, mu)[0, 0] for _ in range(40)])
exact = float(torch.logsumexp(torch.log_softmax(pi, 1) + torch.distributions.Normal(mu, sigma).log_prob(y), 1))
print(f"pytorch-tabular {version('pytorch-tabular')}: two components at -5 and 5 with equal weights, a row at 5, in eval()")
print(f"  log likelihood of the mixture {exact:.3f}; of the head: mean {float(likelihood.mean()):.3f}, from {float(likelihood.min()):.3f} to {float(likelihood.max()):.3f}")
print(f"  mean of the mixture 0; point predictions of the head from 400 samples each: from {float(points.min()):.2f} to {float(points.max()):.2f}")
raise SystemExit(0 if likelihood.std() > 0.5 and likelihood.mean() < exact - 0.2 and points.max() > 3 and points.min() < -3 else 1)
PY
