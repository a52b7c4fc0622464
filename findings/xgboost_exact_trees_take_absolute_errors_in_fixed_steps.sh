#!/usr/bin/env bash
# xgboost 3.2.0: XGBRegressor(objective="reg:absoluteerror", tree_method="exact").
#
# Expected: predictions as with tree_method="hist" and "approx", to a few hundredths of R2, and a target times s has
# predictions times s: "leaf value is refreshed after tree construction", to the median of its rows.
# Seen: with "exact" leaves are not refreshed: each keeps its step on the sign of the errors, at most learning_rate, in the target's own unit. With a
# spread of 1000 the predictions hardly leave the start (R2 .07 for .93), with a spread of .01 they vary by ten times its spread or
# more (R2 below -100). "hist" and "approx" are the same in every unit. No error and no warning. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "xgboost==3.2.0" "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.16.3"
"$folder/env/bin/python" - <<'PY'
import warnings

import numpy as np
import xgboost
from xgboost import XGBRegressor

warnings.simplefilter("error")
rng = np.random.default_rng(0)
x, new = rng.normal(size=(200, 3)), rng.normal(size=(1000, 3))
y, true = np.sin(x[:, 0]) + 0.3 * rng.normal(size=200), np.sin(new[:, 0])
r2 = {}
for unit in (1e3, 1.0, 1e-2):
    for method in ("hist", "approx", "exact"):
        model = XGBRegressor(objective="reg:absoluteerror", tree_method=method, max_depth=3, n_jobs=1).fit(x, y * unit)
        found = model.predict(new) / unit
        r2[method, unit] = float(1 - ((found - true) ** 2).mean() / true.var())
        leaf = max(abs(float(line.split("leaf=")[1])) for tree in model.get_booster().get_dump() for line in tree.split("\n") if "leaf=" in line)
        print(f"xgboost {xgboost.__version__}, unit {unit:g}, {method}: R2 {r2[method, unit]:.3f}, spread of the predictions in the unit 1 {found.std():.3f}, largest leaf {leaf:.3g}")
same = all(r2[m, u] > 0.9 for m in ("hist", "approx") for u in (1e3, 1.0, 1e-2))
raise SystemExit(0 if same and r2["exact", 1e3] < 0.3 and r2["exact", 1e-2] < -100 else 1)
PY
