#!/usr/bin/env bash
# ngboost 0.6.0 with scikit-learn 1.9.1: NGBRegressor(Dist=NormalFixedMean), which learns the spread of errors around zero.
#
# Expected: boosting starts from the targets' standard deviation, as Normal does, and the unit of the targets changes the predicted
# spread by that unit alone.
# Seen: it starts from exp(standard deviation): the fitted spread is taken for its logarithm. Targets of spread 10 start at exp(10) = 22,026, targets of
# spread 0.01 at 1.01. After 100 trees at the default rate the predicted spread is 16 and 6 times the true one, so the same targets in another unit
# are another model; after 100 it comes near. Normal starts at the spread in every unit. No warning is given.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1" "joblib==1.6.0" "sympy==1.14.0" "tqdm==4.67.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import subprocess
import sys
from importlib.metadata import version

subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "ngboost==0.6.0"], check=True)
import numpy as np
from ngboost import NGBRegressor
from ngboost.distns import Normal, NormalFixedMean

random = np.random.default_rng(0)
x, noise = random.normal(size=(300, 2)), random.normal(size=300)
print(f"ngboost {version('ngboost')}: predicted spread over the true one, before the first tree and after 100")
found = {}
for unit in (0.01, 1.0, 10.0):
    for distribution in (NormalFixedMean, Normal):
        model = NGBRegressor(Dist=distribution, n_estimators=100, learning_rate=0.01, verbose=False, random_state=0).fit(x, unit * noise)
        start = float(np.exp(np.atleast_1d(model.init_params)[-1])) / unit
        end = float(np.median(model.pred_dist(x).params["scale"])) / unit
        found[unit, distribution.__name__] = (start, end)
        print(f"  targets of spread {unit}, {distribution.__name__}: {start:.4g}, {end:.4g}")
starts = all(abs(found[u, "NormalFixedMean"][0] * u / np.exp(np.std(u * noise)) - 1) < 1e-6 for u in (0.01, 1.0, 10.0))
right = all(0.5 < v < 1.5 for u in (0.01, 1.0, 10.0) for v in found[u, "Normal"])
raise SystemExit(0 if starts and right and found[10.0, "NormalFixedMean"][1] > 8 and found[0.01, "NormalFixedMean"][1] > 3 and found[1.0, "NormalFixedMean"][1] < 2 else 1)
PY
