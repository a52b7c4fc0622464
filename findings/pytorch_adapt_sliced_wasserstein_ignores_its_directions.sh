#!/usr/bin/env bash
# pytorch-adapt 0.0.83 with torch 2.13.0, pytorch-metric-learning 1.6.3, torchmetrics 1.9.0: layers.SlicedWasserstein(m=...) ("m: the dimensionality to
# project to"), the number of random directions.
#
# Expected: m directions are drawn, so the spread of the loss over draws falls with the root of m.
# Seen: 128 directions are drawn whatever m is: m=1 and m=10,000 have the same spread, and the same value under the same seed. No warning is given.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "tqdm==4.67.1" "torchmetrics==1.9.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import subprocess
import sys
from importlib.metadata import version

subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "pytorch-adapt==0.0.83", "pytorch-metric-learning==1.6.3"], check=True)
import torch
from pytorch_adapt.layers import SlicedWasserstein
from torch.nn import functional as F

torch.manual_seed(0)
x, y = torch.softmax(torch.randn(64, 10), 1), torch.softmax(2 * torch.randn(64, 10), 1)

def own(m):
    directions = F.normalize(torch.randn(10, m), dim=0)
    return ((x @ directions).sort(0).values - (y @ directions).sort(0).values).square().mean()

def spread(function):
    torch.manual_seed(1)
    values = torch.stack([function() for _ in range(200)])
    return float(values.std() / values.mean()), float(values[0])

print(f"pytorch-adapt {version('pytorch-adapt')}: relative spread over draws, first value")
found, formula = {}, {}
for m in (1, 128, 10000):
    found[m], formula[m] = spread(lambda: SlicedWasserstein(m=m)(x, y)), spread(lambda: own(m))
    print(f"  m={m}: SlicedWasserstein {found[m][0]:.4f}, {found[m][1]:.6f}; by the formula {formula[m][0]:.4f}")
raise SystemExit(0 if found[1] == found[128] == found[10000] and formula[1][0] > 5 * formula[10000][0] else 1)
PY
