#!/usr/bin/env bash
# lightgbm 4.7.0 (xgboost 3.2.0 beside it): objective="binary" on soft labels, probabilities between 0 and 1 (distillation, averaged annotators,
# label smoothing).
#
# Expected: refused, or fitted as cross-entropy, as XGBoost's binary:logistic does.
# Seen: every label above 0 counts as 1, so a label of 0.01 is a one. All predictions are 1.000 for labels whose mean is .5, with a line in the
# log, if that is on, that the data has only one class. Labels of which some are exactly 0 give a model of "above 0". objective="cross_entropy"
# is right. Nothing is raised. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "lightgbm==4.7.0" "xgboost==3.2.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import lightgbm
import numpy as np
import xgboost

random = np.random.default_rng(0)
x, new = random.normal(size=(300, 3)), random.normal(size=(300, 3))
true = 1 / (1 + np.exp(-2 * new[:, 0]))
soft = 1 / (1 + np.exp(-2 * x[:, 0]))
some_zero = np.where(soft < 0.2, 0.0, soft)
found = {}
for name, labels in (("soft labels", soft), ("soft labels, the smallest ones 0", some_zero)):
    for objective in ("binary", "cross_entropy"):
        model = lightgbm.train({"objective": objective, "verbose": -1, "num_leaves": 7}, lightgbm.Dataset(x, labels), 50)
        found[name, objective] = model.predict(new)
    model = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, xgboost.DMatrix(x, labels), 50)
    found[name, "xgboost"] = model.predict(xgboost.DMatrix(new))
for (name, objective), p in found.items():
    print(f"{name} of mean {soft.mean():.2f}, {objective}: mean prediction {p.mean():.3f}, off from the truth by {np.abs(p - true).mean():.3f}")
errors = [np.abs(p - true).mean() for p in found.values()]
raise SystemExit(0 if found["soft labels", "binary"].min() > 0.99 and errors[3] > 0.2 and max(errors[1], errors[2], errors[4], errors[5]) < 0.05 else 1)
PY
