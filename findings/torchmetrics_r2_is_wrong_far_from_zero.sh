#!/usr/bin/env bash
# torchmetrics 1.9.0 with torch 2.13.0: R2Score and ExplainedVariance of float32 targets whose mean is large for their spread.
#
# Guess, written before the run: both equal scikit-learn's values, also when the rows come in several batches.
# Seen: a target of mean 2,000 and spread 1 (a year, a pressure in hPa) has R2 = 0.86 where scikit-learn gives 0.78 on the same float32 numbers.
# The metric adds up squares in float32 and subtracts the square of the mean. At mean 0 it is right, and with float64 inputs, or
# after subtracting one number from both, it is right too. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "torchmetrics==1.9.0" "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys

import numpy as np
import torch
from sklearn.metrics import explained_variance_score, r2_score
from torchmetrics.regression import ExplainedVariance, R2Score

off = {}
for mean in (0, 2000):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        true = (mean + rng.normal(size=500)).astype(np.float32)
        found = (true + 0.5 * rng.normal(size=500)).astype(np.float32)
        for metric, reference in ((R2Score(), r2_score), (ExplainedVariance(), explained_variance_score)):
            for start in range(0, 500, 50):
                metric.update(torch.tensor(found[start : start + 50]), torch.tensor(true[start : start + 50]))
            value, expected = metric.compute().item(), reference(true, found)
            off.setdefault((mean, reference.__name__), []).append(abs(value - expected))
            if seed == 0:
                print(f"mean {mean:4}, {reference.__name__:24} torchmetrics {value:.4f}, scikit-learn {expected:.4f}")
for key, values in off.items():
    print(key, "largest difference of five seeds", f"{max(values):.4f}")
near, far = [max(values) for (mean, _), values in off.items() if mean == 0], [max(values) for (mean, _), values in off.items() if mean]
sys.exit(0 if max(near) < 1e-4 and min(far) > 0.02 else 1)
PY
