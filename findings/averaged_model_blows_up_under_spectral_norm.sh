#!/usr/bin/env bash
# torch 2.13.0: torch.optim.swa_utils.AveragedModel(use_buffers=True), averages of weights and buffers, of a network with
# parametrizations.spectral_norm.
#
# Guess, written before the run: the averaged network's layers have spectral norm 1, as the network's own.
# Seen: the buffers are the unit vectors of the power iteration. Their average is far shorter than 1, the norm that is estimated with it far too
# small, and the weight, divided by it, far too large: spectral norms of 7 to 112 in place of 1, and a loss thousands of times the network's own.
# Plain and exponential averages alike. use_buffers=True is the switch for networks with batch normalisation; with the default, norms are within
# 0.2 of 1. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from torch.nn.utils.parametrizations import spectral_norm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def norms(net):
    return [round(float(torch.linalg.matrix_norm(net[place].weight.detach(), 2)), 2) for place in (0, 2)]


x = torch.randn(256, 16, generator=torch.Generator().manual_seed(0))
y, largest, ratio = torch.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3], {}, {}
for buffers in (False, True):
    for name, average in (("plain", None), ("exponential", get_ema_multi_avg_fn(0.99))):
        torch.manual_seed(0)
        net = torch.nn.Sequential(
            spectral_norm(torch.nn.Linear(16, 32)), torch.nn.ReLU(), spectral_norm(torch.nn.Linear(32, 32)), torch.nn.ReLU(), torch.nn.Linear(32, 1)
        )
        optimizer, averaged = torch.optim.Adam(net.parameters(), 1e-2), AveragedModel(net, use_buffers=buffers, multi_avg_fn=average)
        for _ in range(300):
            rows = torch.randint(0, 256, (32,))
            optimizer.zero_grad()
            (net(x[rows]) - y[rows]).pow(2).mean().backward()
            optimizer.step()
            averaged.update_parameters(net)
        own, found = (float((each.eval()(x) - y).pow(2).mean()) for each in (net, averaged))
        largest[buffers, name], ratio[buffers, name] = max(norms(averaged.module)), found / own
        print(f"torch {torch.__version__} use_buffers={buffers}, {name} average: spectral norms {norms(net)} of the network, {norms(averaged.module)} of the average; losses {own:.3f} and {found:.4g}")
bad = all(largest[True, name] > 3 and ratio[True, name] > 100 for name in ("plain", "exponential"))
raise SystemExit(0 if bad and all(largest[False, name] < 1.5 for name in ("plain", "exponential")) else 1)
PY
