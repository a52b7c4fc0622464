#!/usr/bin/env bash
# scikit-learn 1.9.1: RandomForestRegressor and DecisionTreeRegressor on a target whose mean is large for its spread.
#
# Guess, written before the run: R2 does not depend on what the target is counted from (an arrival time in seconds since 1970).
# Seen: in float64 too, a spread of 30 around 1.7e9 costs two thirds of R2, and a spread of 1 all of it. The reduction of variance is computed
# from sums of y and their squares, of which no digit of the spread is left, so trees stop early or split by rounding errors.
# HistGradientBoostingRegressor has 0.95 either way. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import sklearn
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.metrics import r2_score
from sklearn.tree import DecisionTreeRegressor

rng = np.random.default_rng(0)
x = rng.normal(size=(2000, 3))
noisy, train, test = x[:, 0] + 0.2 * rng.normal(size=2000), slice(0, 1000), slice(1000, 2000)
models = {
    "forest": lambda: RandomForestRegressor(30, random_state=0),
    "tree": lambda: DecisionTreeRegressor(min_samples_leaf=5, random_state=0),
    "boosting": HistGradientBoostingRegressor,
}
scores = {}
for name, make in models.items():
    for spread, start in ((30, 0.0), (30, 1.7e9), (1, 1.7e9)):
        y = spread * noisy
        scores[name, spread, start] = r2_score(y[test], make().fit(x[train], y[train] + start).predict(x[test]) - start)
    print(f"scikit-learn {sklearn.__version__} {name}: R2 " + ", ".join(f"{scores[name, s, m]:.3f} for {m:g} +- {s}" for s, m in ((30, 0.0), (30, 1.7e9), (1, 1.7e9))))
poor = all(scores[name, 30, 0.0] > 0.9 and scores[name, 30, 1.7e9] < 0.6 and scores[name, 1, 1.7e9] < 0.1 for name in ("forest", "tree"))
raise SystemExit(0 if poor and scores["boosting", 30, 1.7e9] > 0.9 else 1)
PY
