#!/usr/bin/env bash
# lightgbm 4.7.0, xgboost 3.2.0, catboost 1.2.10 (scikit-learn 1.9.1): regression of a target whose mean is large for its spread.
#
# Expected: R2 does not depend on what the target is counted from (an arrival time in seconds since 1970, a year with decimals, an amount in an
# account), as with HistGradientBoostingRegressor.
# Seen: the libraries keep targets in float32. At 1.7e9, which is a time of today in seconds, its steps are 128 apart, so a spread of 30 seconds
# is gone before the first tree: R2 falls from 0.95 to 0.2 and less. Scikit-learn's own boosting is not affected. None warns. Exits non-zero if
# the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "lightgbm==4.7.0" "xgboost==3.2.0" "catboost==1.2.10" "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import catboost
import lightgbm
import numpy as np
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score

rng = np.random.default_rng(0)
x = rng.normal(size=(2000, 3))
y, train, test = 30 * (x[:, 0] + 0.2 * rng.normal(size=2000)), slice(0, 1000), slice(1000, 2000)
models = {
    f"lightgbm {lightgbm.__version__}": lambda: lightgbm.LGBMRegressor(verbose=-1, n_jobs=1),
    f"xgboost {xgboost.__version__}": lambda: xgboost.XGBRegressor(n_jobs=1),
    f"catboost {catboost.__version__}": lambda: catboost.CatBoostRegressor(verbose=0, thread_count=1, iterations=100, allow_writing_files=False),
    "scikit-learn's": HistGradientBoostingRegressor,
}
scores = {name: [r2_score(y[test], make().fit(x[train], y[train] + start).predict(x[test]) - start) for start in (0.0, 1.7e9)] for name, make in models.items()}
for name, (near, far) in scores.items():
    print(f"{name}: R2 {near:.3f} counted from 0, {far:.3f} counted from 1.7e9")
good = all(near > 0.9 for near, _ in scores.values())
raise SystemExit(0 if good and all((far > 0.9) == (name == "scikit-learn's") and (far < 0.5 or far > 0.9) for name, (_, far) in scores.items()) else 1)
PY
