#!/usr/bin/env bash
# MissForest 4.2.3 with scikit-learn 1.9.1: missforest.MissForest, imputation by forests (Stekhoven and Buehlmann 2012).
#
# Guess, written before the run: a column's estimator is fitted to the rows where the column was observed, as in the paper, so a gap in y = 3 x is
# filled with about 3 x by any estimator that fits.
# Seen: it is fitted to all rows, the filled ones with their present guess as the target. A tree gives each filled row its own guess back: gaps stay
# at the first guess, the median, through all iterations (R2 0 on the gaps, where scikit-learn's IterativeImputer with the same tree has .99), and a
# forest stays between. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "MissForest==4.2.3" "scikit-learn==1.9.1" "numpy==2.4.6" "pandas==2.3.3" "lightgbm==4.7.0" "tqdm==4.70.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
import numpy as np
import pandas as pd
from missforest import MissForest
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.tree import DecisionTreeRegressor

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 2))
whole = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": 3 * x[:, 0]})
gap = rng.random(300) < 0.4
table = whole.assign(y=whole.y.mask(gap))
right = whole.y[gap].to_numpy()


def r2(filled):
    return 1 - np.mean((filled - right) ** 2) / np.var(right)


found = {}
for name, make in (("tree", lambda: DecisionTreeRegressor(random_state=0)), ("forest", lambda: RandomForestRegressor(50, random_state=0))):
    filled = pd.DataFrame(MissForest(rgr=make(), verbose=0).fit_transform(table), columns=table.columns).y[gap].to_numpy()
    other = IterativeImputer(make(), random_state=0).fit_transform(table)[gap, 2]
    found[name] = r2(filled), r2(other), np.abs(filled - table.y.median()).max()
    print(f"MissForest {version('MissForest')}, a {name}, two fifths of y = 3 a missing: R2 of the filled values {found[name][0]:.3f}, IterativeImputer {found[name][1]:.3f}; furthest from the median of y {found[name][2]:.3f}")
raise SystemExit(0 if found["tree"][2] < 1e-9 and found["tree"][1] > 0.97 and found["forest"][0] < found["forest"][1] - 0.05 else 1)
PY
