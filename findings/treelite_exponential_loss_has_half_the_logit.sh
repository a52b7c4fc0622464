#!/usr/bin/env bash
# treelite 4.8.1 with scikit-learn 1.9.1: treelite.sklearn.import_model of GradientBoostingClassifier(loss="exponential").
#
# Guess, written before the run: predictions are the estimator's probabilities (1e-5), as for loss="log_loss" and the histogram form, or it is
# refused.
# Seen: probabilities are off by up to .15: the estimator takes the sigmoid of twice the score, as the loss of AdaBoost asks for, and the imported
# model of the score. A sure row of .9 becomes .75. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "treelite==4.8.1" "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import treelite
from sklearn.ensemble import GradientBoostingClassifier

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 4))
y = (x[:, 0] + 0.5 * rng.normal(size=300) > 0).astype(int)
found = {}
for loss in ("log_loss", "exponential"):
    estimator = GradientBoostingClassifier(loss=loss, n_estimators=20, random_state=0).fit(x, y)
    got = treelite.gtil.predict(treelite.sklearn.import_model(estimator), x).ravel()
    want, score = estimator.predict_proba(x)[:, 1], estimator.decision_function(x)
    found[loss] = np.abs(got - want).max(), np.abs(got - 1 / (1 + np.exp(-score))).max()
    print(f"treelite {treelite.__version__} {loss}: probabilities off by up to {found[loss][0]:.4f}, from the sigmoid of the score {found[loss][1]:.1e}; first row {got[0]:.4f}, estimator {want[0]:.4f}")
raise SystemExit(0 if found["log_loss"][0] < 1e-5 and found["exponential"][0] > 0.1 and found["exponential"][1] < 1e-5 else 1)
PY
