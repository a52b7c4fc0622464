#!/usr/bin/env bash
# lightgbm 4.7.0 (scikit-learn 1.9.1): a missing value at prediction in a column that had none in training.
#
# Guess, written before the run: it goes the way of the larger part of the training rows, as in scikit-learn's HistGradientBoosting.
# Seen: it counts as the number 0, whatever the column's range. A column between 50 and 150 whose upper four fifths have target 1: a row with a gap
# gets the answer of the smallest value, 0, and with the column's sign turned that of the largest one. The documentation says that
# missing values are handled by default and names zero only for zero_as_missing=True. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "lightgbm==4.7.0" "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import lightgbm
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

rng = np.random.default_rng(0)
x = rng.uniform(50, 150, (300, 2))
y = (x[:, 0] > 70).astype(float)
found = {}
for sign in (1, -1):
    rows = sign * np.array([[np.nan, 100], [0, 100], [60, 100], [140, 100]])
    for made in (lightgbm.LGBMRegressor(verbose=-1), HistGradientBoostingRegressor()):
        name = type(made).__name__
        found[sign, name] = made.fit(sign * x, y).predict(rows)
        print(f"{name}, column times {sign:+d}: gap {found[sign, name][0]:.2f}, 0 {found[sign, name][1]:.2f}, {60 * sign} {found[sign, name][2]:.2f}, {140 * sign} {found[sign, name][3]:.2f}")
print("lightgbm", lightgbm.__version__)
right = all(found[s, "LGBMRegressor"][0] == found[s, "LGBMRegressor"][1] < 0.1 for s in (1, -1))
raise SystemExit(0 if right and all(found[s, "HistGradientBoostingRegressor"][0] > 0.9 for s in (1, -1)) else 1)
PY
