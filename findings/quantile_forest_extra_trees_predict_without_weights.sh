#!/usr/bin/env bash
# quantile-forest 1.4.2 with scikit-learn 1.9.1: sample_weight of ExtraTreesQuantileRegressor.
#
# Guess, written before the run: a weight of 9 is as nine rows, in the quantiles and in the mean, up to the trees' randomness, as it is for
# RandomForestQuantileRegressor and for scikit-learn's ExtraTreesRegressor.
# Seen: weights choose the splits and are dropped from the leaves: quantiles="mean" is 4.9 with the weights and without, where nine rows each give 9.0 and
# scikit-learn's own forest of the same settings 9.0. A weight of 0 alone takes a row out. The random forest is right because its bootstrap draws by
# weight; extra trees have no bootstrap. The documentation of sample_weight speaks of the splits only, and no warning is given. Exits
# non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1" "quantile-forest==1.4.2"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
from quantile_forest import ExtraTreesQuantileRegressor, RandomForestQuantileRegressor
from sklearn.ensemble import ExtraTreesRegressor

rng = np.random.default_rng(0)
x = rng.normal(size=(200, 1))
y = np.r_[rng.normal(size=100), rng.normal(size=100) + 10]
weights = np.r_[np.ones(100), np.full(100, 9.0)]
nine = np.r_[np.arange(100), np.repeat(np.arange(100, 200), 9)]
tree = {"n_estimators": 100, "max_depth": 1, "min_samples_leaf": 5, "random_state": 0}
found = {}
for kind in (RandomForestQuantileRegressor, ExtraTreesQuantileRegressor, ExtraTreesRegressor):
    quantiles = kind is not ExtraTreesRegressor
    for name, data in {"no weights": (x, y, None), "weights of 1 and 9": (x, y, weights), "nine rows each": (x[nine], y[nine], None)}.items():
        forest = kind(**tree, **({"max_samples_leaf": None} if quantiles else {})).fit(data[0], data[1], sample_weight=data[2])
        mean = (forest.predict(x, quantiles="mean") if quantiles else forest.predict(x)).mean()
        found[kind.__name__, name] = mean
        middle = f", median {np.mean(forest.predict(x, quantiles=0.5)):.2f}" if quantiles else ""
        print(f"quantile-forest {version('quantile-forest')} {kind.__name__}, {name}: mean {mean:.2f}{middle}")


def moved(kind):
    return abs(found[kind, "weights of 1 and 9"] - found[kind, "no weights"]), abs(found[kind, "weights of 1 and 9"] - found[kind, "nine rows each"])


extra = moved("ExtraTreesQuantileRegressor")
ok = extra[0] < 0.3 and extra[1] > 3
raise SystemExit(0 if ok and all(moved(k)[0] > 3 and moved(k)[1] < 0.3 for k in ("RandomForestQuantileRegressor", "ExtraTreesRegressor")) else 1)
PY
