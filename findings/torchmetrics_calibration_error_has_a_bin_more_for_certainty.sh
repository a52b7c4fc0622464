#!/usr/bin/env bash
# torchmetrics 1.9.0 with torch 2.13.0: CalibrationError (binary and multiclass) of confidences some of which are exactly 1.
#
# Guess, written before the run: the last of n_bins=10 bins is from .9 to 1, both ends included, so confidences of .95 and 1 are in one bin.
# Seen: confidences of exactly 1 have a bin of their own, beyond the n_bins. Softmax gives exactly 1 in float32 from a lead of 17 on, so the error
# of an overconfident network is another one than that of the same confidences less 1e-6: 200 rows whose mean confidence and accuracy are both .975
# have an error of .05 instead of 0, also with n_bins=1, where it is the difference of the two. No warning is given. Exits non-zero if the
# behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "torchmetrics==1.9.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import math

import torch
import torchmetrics
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error

logits = torch.tensor([[math.log(19.0), 0.0, -200.0]] * 100 + [[40.0, 0.0, 0.0]] * 100)  # confidences .95 and exactly 1
probabilities = logits.softmax(-1)
labels = torch.cat([torch.zeros(195, dtype=torch.long), torch.full((5,), 2)])  # all right at .95, 95 of 100 right at 1
found = {}
for bins in (1, 10, 15):
    for name, shift in (("as they are", 0.0), ("less 1e-6", 1e-6)):
        p = (probabilities - shift).clamp(min=0)
        found[bins, name] = float(multiclass_calibration_error(p, labels, num_classes=3, n_bins=bins)), float(binary_calibration_error(p[:, 0], (labels == 0).long(), n_bins=bins))
        print(f"torchmetrics {torchmetrics.__version__} n_bins={bins}, confidences {p.max(-1).values.unique().tolist()} {name}: multiclass {found[bins, name][0]:.4f}, binary {found[bins, name][1]:.4f}")
raise SystemExit(0 if all((min(v) > 0.049) == (name == "as they are") and (max(v) < 1e-4) == (name == "less 1e-6") for (_, name), v in found.items()) else 1)
PY
