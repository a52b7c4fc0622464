#!/usr/bin/env bash
# scikit-learn 1.9.1: CalibratedClassifierCV(method="sigmoid"), the default, with sample weights.
#
# Guess, written before the run: weights that are all multiplied by one number change nothing.
# Seen: weights that sum to one over 40 rows give probabilities between .31 and .62, where weights of 1 give .00 to .98; weights of 10 move
# them by up to .09 again. Platt's targets, (n + 1) / (n + 2), take the sum of the weights for the number of rows. method="isotonic" and
# method="temperature" do not change. Importance weights that are normalised, as for a shift between domains or for learned weights of
# samples, thus flatten a calibrated classifier. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(0)
x = rng.normal(size=(40, 2))
y = (2 * x[:, 0] + rng.normal(size=40) > 0).astype(int)
model = FrozenEstimator(LogisticRegression().fit(x, y))
spread, apart = {}, {}
for method in ("sigmoid", "isotonic", "temperature"):
    found = [CalibratedClassifierCV(model, method=method).fit(x, y, sample_weight=np.full(40, w)).predict_proba(x)[:, 1] for w in (1.0, 1 / 40, 10.0)]
    spread[method], apart[method] = [np.ptp(p) for p in found], [abs(p - found[0]).max() for p in found[1:]]
    print(f"{method}: weights of 1 give {found[0].min():.2f} to {found[0].max():.2f}, of 1/40 {found[1].min():.2f} to {found[1].max():.2f},"
          f" of 10 at most {apart[method][1]:.2f} away")
print("scikit-learn", sklearn.__version__)
right = apart["sigmoid"][0] > 0.2 and spread["sigmoid"][1] < 0.5 * spread["sigmoid"][0]
raise SystemExit(0 if right and max(apart["isotonic"] + apart["temperature"]) < 1e-6 else 1)
PY
