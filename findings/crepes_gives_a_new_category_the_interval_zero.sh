#!/usr/bin/env bash
# crepes 0.9.1 with scikit-learn 1.9.1: Mondrian conformal regression, a row of a category that the calibration rows do not have.
#
# Guess, written before the run: refused, or an infinite interval, as for a category with too few calibration rows.
# Seen: the interval is [0, 0], whatever the model predicts for the row; so are the percentiles of the conformal predictive system. With too few
# calibration rows the interval is infinite, with a warning. Nothing is said here, and coverage of such rows is 0. Exits non-zero if the
# behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "crepes==0.9.1" "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1" "pandas==3.1.1"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
from crepes import WrapRegressor
from sklearn.linear_model import LinearRegression

rng = np.random.default_rng(0)
x = np.c_[rng.normal(size=600), np.arange(600) % 2]
y = 50 + x[:, 0] + rng.normal(size=600)
rows = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, 2.0]])  # the third category is new
found = {}
for name, cps in (("intervals", False), ("predictive system", True)):
    model = WrapRegressor(LinearRegression())
    model.fit(x[:200], y[:200])
    model.calibrate(x[200:], y[200:], mc=lambda row: row[:, 1].astype(int), cps=cps)
    found[name] = model.predict_cps(rows, lower_percentiles=5, higher_percentiles=95) if cps else model.predict_int(rows, confidence=0.9)
    print(f"crepes {version('crepes')} {name}: predictions {model.predict(rows).round(1).tolist()}, 90 % {found[name].round(1).tolist()}")
raise SystemExit(0 if all((f[2] == 0).all() and (f[:2, 0] > 40).all() for f in found.values()) else 1)
PY
