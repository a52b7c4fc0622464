#!/usr/bin/env bash
# perpetual 2.3.0: PerpetualRegressor(objective="PoissonLoss"), and the objectives "GammaLoss" and "TweedieLoss".
#
# Guess, written before the run: predict gives the mean of the target, as in LightGBM, XGBoost and CatBoost's Python estimators and scikit-learn, so
# the mean prediction on the training rows is about the mean target.
# Seen: it gives the logarithm of it: counts of mean 1.4 are predicted as numbers about -2, down to -9, and score, the R2 of these, is -5.
# exp(predict(x)) is right. Classifiers have predict_proba for the transformed values; regressors have nothing of the kind. Exits non-zero if the
# behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "perpetual==2.3.0" "numpy==2.4.6" "scikit-learn==1.9.1" "pandas==3.1.1"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
from perpetual.sklearn import PerpetualRegressor

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 3))
counts, amounts = np.round(np.exp(x[:, 0])), np.exp(x[:, 0])
good = True
for objective, y in (("SquaredLoss", amounts), ("PoissonLoss", counts), ("TweedieLoss", counts), ("GammaLoss", amounts)):
    model = PerpetualRegressor(objective=objective, budget=0.3, num_threads=1).fit(x, y)
    guess = model.predict(x)
    print(f"perpetual {version('perpetual')} {objective}: mean target {y.mean():.3f}, mean prediction {guess.mean():.3f}, smallest {guess.min():.3f}, mean of exp(prediction) {np.exp(guess).mean():.3f}, score {model.score(x, y):.3f}")
    good &= abs(guess.mean() - y.mean()) < 0.05 if objective == "SquaredLoss" else guess.min() < -1 and abs(np.exp(guess).mean() - y.mean()) < 0.1 and model.score(x, y) < 0
raise SystemExit(0 if good else 1)
PY
