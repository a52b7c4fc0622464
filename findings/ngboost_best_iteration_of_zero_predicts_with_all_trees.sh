#!/usr/bin/env bash
# ngboost 0.6.0 with scikit-learn 1.9.1: predict(x, max_iter=model.best_val_loss_itr), the model of the lowest validation loss.
#
# Guess, written before the run: it is the model whose validation loss is the lowest of the history, also where that is the first.
# Seen: best_val_loss_itr counts from 0 and max_iter is a number of trees, so the prediction has one tree fewer than the best model. Where the first
# iteration is the best (features that say nothing, as in the baseline of an ablation) max_iter=0 counts as "not given", and all 200
# trees predict: the loss is 61389 instead of 1.92. max_iter=best_val_loss_itr + 1 is right in both. No warning is given. Exits non-zero if
# the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1" "joblib==1.6.0" "sympy==1.14.0" "tqdm==4.67.1"
"$folder/env/bin/python" -m pip install -q --no-deps "ngboost==0.6.0"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
from ngboost import NGBRegressor

found = {}
for name, signal, rows in (("features that say nothing", 0.0, 30), ("features that say something", 1.0, 60)):
    rng = np.random.default_rng(0)
    x, noise, x_val, noise_val = (rng.normal(size=size) for size in ((rows, 3), rows) * 2)
    y, y_val = signal * x[:, 0] + noise, signal * x_val[:, 0] + noise_val
    model = NGBRegressor(n_estimators=200, learning_rate=0.1, verbose=False, random_state=0).fit(x, y, X_val=x_val, Y_val=y_val)
    best, history = model.best_val_loss_itr, model.evals_result["val"]["LOGSCORE"]

    def loss(trees):
        return -model.pred_dist(x_val, max_iter=trees).logpdf(y_val).mean()

    found[name] = best, history[best], loss(best), loss(best + 1), loss(None)
    print(f"ngboost {version('ngboost')}, {name}: best iteration {best} with a loss of {history[best]:.4f}; max_iter={best} gives {found[name][2]:.4f}, max_iter={best + 1} {found[name][3]:.4f}, all trees {found[name][4]:.4f}")
nothing, something = found.values()
ok = nothing[0] == 0 and nothing[2] == nothing[4] > 100 * nothing[1] and abs(nothing[3] - nothing[1]) < 1e-9
raise SystemExit(0 if ok and something[0] > 0 and abs(something[3] - something[1]) < 1e-9 < abs(something[2] - something[1]) else 1)
PY
