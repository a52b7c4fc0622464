#!/usr/bin/env bash
# mapie 1.6.0 with scikit-learn 1.9.1: mapie.metrics.calibration.top_label_ece, the calibration error of the predicted label.
#
# Guess, written before the run: each predicted label counts by its share of the rows, as in the paper that its documentation cites (Gupta and
# Ramdas 2021), where the error is a mean over rows.
# Seen: it is the plain mean over the labels. A label that is predicted for 10 rows of 1,000 and is wrong by .5 there gives .25, where the mean over
# rows is .005; with a hundred labels a well calibrated one that is predicted often hardly counts. Neither warning nor documentation says so. Exits
# non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "pandas==3.1.1" "mapie==1.6.0"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
from mapie.metrics.calibration import top_label_ece

common = np.r_[np.zeros(792, int), np.ones(198, int)]  # label 0 predicted at .8, right in 80 of 100 rows
found = {}
for rare in (10, 100, 990):
    scores = np.r_[np.tile([0.8, 0.2], (990, 1)), np.tile([0.1, 0.9], (rare, 1))]
    labels = np.r_[common, np.ones(rare * 4 // 10, int), np.zeros(rare * 6 // 10, int)]  # label 1 predicted at .9, right in 40 of 100
    found[rare] = top_label_ece(labels, scores, num_bins=10), 0.5 * rare / (990 + rare)
    print(f"mapie {version('mapie')}: label 1 predicted for {rare} of {990 + rare} rows: {found[rare][0]:.4f}, mean over rows {found[rare][1]:.4f}")
raise SystemExit(0 if all(abs(v - 0.25) < 1e-3 for v, _ in found.values()) and found[10][1] < 0.01 else 1)
PY
