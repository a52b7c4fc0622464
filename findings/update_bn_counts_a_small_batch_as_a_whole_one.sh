#!/usr/bin/env bash
# torch 2.13.0: torch.optim.swa_utils.update_bn, which estimates the statistics of batch normalisation for averaged weights.
#
# Guess, written before the run: mean and variance are those over all rows, also when the last batch is smaller than the others.
# Seen: every batch counts the same, however many rows it has. With 100 images in batches of 99 and 1 the last image alone is half of
# the mean; DataLoader keeps such a last batch by default. Batches of equal size give the mean over all rows. No warning is
# given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys

import torch
from torch import nn
from torch.optim.swa_utils import update_bn

torch.manual_seed(0)
images = torch.randn(100, 3, 4, 4)
images[-1] += 4
true = images.mean((0, 2, 3))
off = {}
for size in (100, 50, 99):
    layer = nn.BatchNorm2d(3)
    batches = list(images.split(size))
    update_bn(batches, nn.Sequential(layer))
    print(f"batches of {[len(batch) for batch in batches]}: mean", [round(value, 3) for value in layer.running_mean.tolist()])
    off[size] = (layer.running_mean - true).abs().max().item()
print("mean of all images:", [round(value, 3) for value in true.tolist()])
half = (images[:99].mean((0, 2, 3)) + images[99:].mean((0, 2, 3))) / 2
exact = torch.allclose(layer.running_mean, half, atol=1e-4)
print("the mean of the two batches' means:", exact)
sys.exit(0 if off[99] > 1 and exact and max(off[100], off[50]) < 1e-4 else 1)
PY
