#!/usr/bin/env bash
# xgboost 3.2.0: XGBRegressor with its defaults (squared error) on a target in a small unit (metres for millimetres, daily returns, rates).
#
# Expected: a target times s has predictions times s: gains of squared error all scale with s * s, and gamma is 0.
# Seen: at a spread of 1e-3 the trees have a sixth of their leaves, at 1e-4 every tree is one leaf and the prediction is the mean, whatever the
# features say: R2 falls from .90 to 0. A split must gain more than 1e-6 in the target's own unit, also with gamma=0, with tree_method "hist",
# "approx" and "exact". Trees for quantiles and absolute errors are built on gradients without a unit and do not change. No warning is given.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "xgboost==3.2.0" "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.16.3"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import xgboost
from xgboost import XGBRegressor

rng = np.random.default_rng(0)
x, new = rng.normal(size=(200, 3)), rng.normal(size=(1000, 3))
y, true = np.sin(x[:, 0]) + 0.3 * rng.normal(size=200), np.sin(new[:, 0])
r2, leaves = {}, {}
for unit in (1e3, 1.0, 1e-2, 1e-3, 1e-4, 1e-6):
    for objective, method in (("reg:squarederror", "hist"), ("reg:squarederror", "exact"), ("reg:absoluteerror", "hist")):
        model = XGBRegressor(objective=objective, tree_method=method, max_depth=3, n_jobs=1, gamma=0).fit(x, y * unit)
        found = model.predict(new) / unit
        r2[objective, method, unit] = float(1 - ((found - true) ** 2).mean() / true.var())
        leaves[objective, method, unit] = sum(tree.count("leaf=") for tree in model.get_booster().get_dump())
    print(f"xgboost {xgboost.__version__}, unit {unit:g}: R2 and leaves of 100 trees: " + ", ".join(
        f"{o} {m} {r2[o, m, unit]:.3f} {leaves[o, m, unit]}" for o, m, u in r2 if u == unit))
small = all(leaves["reg:squarederror", m, 1e-4] == 100 and r2["reg:squarederror", m, 1e-4] < 0.05 for m in ("hist", "exact"))
others = r2["reg:squarederror", "hist", 1.0] > 0.85 and abs(r2["reg:absoluteerror", "hist", 1e-6] - r2["reg:absoluteerror", "hist", 1.0]) < 0.02
raise SystemExit(0 if small and others else 1)
PY
