#!/usr/bin/env bash
# torch 2.13.0: the `weight` of F.mse_loss, F.l1_loss and F.huber_loss, with reduction="mean".
#
# Guess, written before the run: all three divide by the same number, the sum of the weights.
# Seen: mse_loss and l1_loss divide by the sum of the weights, huber_loss by the number of elements. Weights that are doubled
# leave the first two as they are and double the third. The documentation of all three has the same line, "Weights for each
# sample". Learned weights of samples change the size of the step in one loss and not in the others.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
import torch.nn.functional as F

x, y, w = torch.zeros(4), torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([3.0, 2.0, 0.0, 0.0])
ratio = {}
for loss in (F.mse_loss, F.l1_loss, F.huber_loss):
    once, twice, total = loss(x, y, weight=w), loss(x, y, weight=2 * w), loss(x, y, weight=w, reduction="sum")
    ratio[loss.__name__] = round(float(twice / once), 6)
    print(f"torch {torch.__version__} {loss.__name__}: divided by {float(total / once):.3g} (4 elements, weights sum to 5),"
          f" doubled weights: {float(twice / once):.3g} times the loss")
raise SystemExit(0 if ratio == {"mse_loss": 1.0, "l1_loss": 1.0, "huber_loss": 2.0} else 1)
PY
