#!/usr/bin/env bash
# ngboost 0.6.0 with scikit-learn 1.9.1: sample_weight of NGBRegressor.
#
# Guess, written before the run: a row of weight 0 is as if it were absent, up to which features the trees try.
# Seen: the distribution that boosting starts from is fitted to all rows without weights. Five rows of weight 0 with a target of 100 beside 100 rows around
# 0 start it at a mean of 4.6 and a deviation of 21, and after 50 trees the mean deviation is 13 where it is .98 without them (negative
# log-likelihood of the weighted rows 3.5 instead of 1.0). Five hundred trees, the default, unlearn it. A mean that is asked for by importance
# weights or by folds of weight 0 is another one early on. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1" "joblib==1.6.0" "sympy==1.14.0" "tqdm==4.67.1"
"$folder/env/bin/python" -m pip install -q --no-deps "ngboost==0.6.0"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
from ngboost import NGBRegressor

rng = np.random.default_rng(0)
x = rng.normal(size=(100, 3))
y = x[:, 0] + 0.5 * rng.normal(size=100)
more_x, more_y = np.r_[x, rng.normal(size=(5, 3))], np.r_[y, np.full(5, 100.0)]
weights = np.r_[np.ones(100), np.zeros(5)]
found = {}
for name, data in {"absent": (x, y, None), "of weight 0": (more_x, more_y, weights)}.items():
    model = NGBRegressor(n_estimators=50, verbose=False, random_state=0).fit(data[0], data[1], sample_weight=data[2])
    forecast = model.pred_dist(x)
    found[name] = model.init_params[0], np.exp(model.init_params[1]), forecast.scale.mean(), -forecast.logpdf(y).mean()
    print(f"ngboost {version('ngboost')}, five odd rows {name}: starts at mean {found[name][0]:.2f}, deviation {found[name][1]:.2f}; after 50 trees mean deviation {found[name][2]:.2f}, loss of the other rows {found[name][3]:.2f}")
absent, zero = found.values()
raise SystemExit(0 if abs(absent[0]) < 0.5 and zero[0] > 4 and zero[2] > 10 * absent[2] and zero[3] > absent[3] + 1 else 1)
PY
