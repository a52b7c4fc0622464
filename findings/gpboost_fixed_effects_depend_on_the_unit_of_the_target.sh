#!/usr/bin/env bash
# gpboost 1.8.0: gpboost.train with a random effect for each of 20 groups (GPModel(group_data=...), Gaussian likelihood) on y and on y in another
# unit.
#
# Guess, written before the run: a target times s has predictions times s, as in LightGBM, from which it stems, and as GPModel.fit alone has it.
# Seen: in the unit of y the fixed effect of 50 trees has R2 .98; with y times 10 it has .02, with y times 100 it is a constant, and with y times
# .01 it overshoots more at each tree and reaches predictions of 600 for targets from -6 to 7. Coefficients of GPModel.fit scale as they should. A
# learning rate that suits y (metres) does nothing or explodes for y in another unit. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "gpboost==1.8.0" "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "pandas==2.3.3"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import gpboost as gpb
import numpy as np

rng = np.random.default_rng(0)
groups, x = np.repeat(np.arange(20), 10), rng.normal(size=(200, 1))
fixed = 1 + 2 * x[:, 0]
y = fixed + rng.normal(size=20)[groups] + 0.7 * rng.normal(size=200)
options = {"learning_rate": 0.1, "max_depth": 3, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1}
found = {}
for unit in (1.0, 10.0, 100.0, 1000.0, 0.1, 0.01, 0.001):
    model = gpb.GPModel(group_data=groups, likelihood="gaussian")
    booster = gpb.train(options, gpb.Dataset(x, y * unit), gp_model=model, num_boost_round=50)
    guess = booster.predict(x, group_data_pred=groups, pred_latent=True)["fixed_effect"] / unit
    linear = gpb.GPModel(group_data=groups, likelihood="gaussian")
    linear.fit(y=y * unit, X=np.column_stack([np.ones(200), x]))
    found[unit] = 1 - np.mean((guess - fixed) ** 2) / np.var(fixed), float(np.ravel(linear.get_coef())[1]) / unit
    print(f"gpboost {version('gpboost')}, y times {unit:g}: R2 of the fixed effect {found[unit][0]:.3g}, predictions from {guess.min():.3g} to {guess.max():.3g}; slope by GPModel alone {found[unit][1]:.4f}")
good = found[1.0][0] > 0.9 and found[10.0][0] < 0.2 and abs(found[100.0][0]) < 0.01 and found[0.01][0] < -100
raise SystemExit(0 if good and all(abs(v[1] - found[1.0][1]) < 0.01 for v in found.values()) else 1)
PY
