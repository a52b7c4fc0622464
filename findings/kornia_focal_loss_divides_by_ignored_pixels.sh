#!/usr/bin/env bash
# kornia 0.9.0 with torch 2.13.0: focal_loss and binary_focal_loss_with_logits with ignore_index and reduction="mean".
#
# Guess, written before the run: the loss does not change with the prediction at ignored pixels, nor when images without any label
# are appended to the batch (a mean over labelled pixels, as in F.cross_entropy).
# Seen: the first holds, the second does not: ignored pixels count as pixels of loss 0, so the mean is divided by all pixels. One labelled
# image among four gives a quarter of the loss and of the gradient, so the weight of the task falls with its labels.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "kornia==0.9.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys

import torch
import torch.nn.functional as F
from kornia.losses import binary_focal_loss_with_logits, focal_loss

torch.manual_seed(0)
outputs, labels = torch.randn(4, 3, 8, 8), torch.randint(0, 3, (4, 8, 8))
labels[1:] = -100
one_binary, binary = torch.randn(4, 1, 8, 8), torch.randint(0, 2, (4, 1, 8, 8))
binary[1:] = -100
losses = {
    "cross_entropy": lambda rows: F.cross_entropy(outputs[:rows], labels[:rows]),
    "focal_loss": lambda rows: focal_loss(outputs[:rows], labels[:rows], alpha=None, gamma=2.0, reduction="mean"),
    "binary_focal_loss_with_logits": lambda rows: binary_focal_loss_with_logits(one_binary[:rows], binary[:rows], reduction="mean"),
}
ratios = {}
for name, loss in losses.items():
    alone, among = loss(1).item(), loss(4).item()
    ratios[name] = among / alone
    print(f"{name:30} the labelled image alone {alone:.5f}, with three images without labels {among:.5f}")
kept = abs(ratios.pop("cross_entropy") - 1) < 1e-6
sys.exit(0 if kept and all(abs(ratio - 0.25) < 1e-4 for ratio in ratios.values()) else 1)
PY
