#!/usr/bin/env bash
# river 0.26.1: metrics.AdjustedRand, Rand, Homogeneity, Completeness, VBeta and the mutual informations, updated with weights (update(y, y_pred,
# w)).
#
# Guess, written before the run: a row of weight 2 counts as two rows, as it does in river's Accuracy, CohenKappa and F1.
# Seen: the adjusted Rand index of 200 weighted rows is above 2, the Rand index is negative, and so are homogeneity, completeness and the mutual
# information (with weights of 1 to 3): sums of weights are divided by the number of updates. With weights of 1 all equal scikit-learn's. No warning
# is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "river==0.26.1" "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "pandas==3.1.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import river
import sklearn.metrics
from river import metrics

rng = np.random.default_rng(0)
y, weight = rng.integers(0, 3, 200), rng.integers(1, 4, 200)
guess = np.where(rng.random(200) < 0.6, y, rng.integers(0, 3, 200))


def fed(metric, y, guess, weight):
    for a, b, w in zip(y.tolist(), guess.tolist(), weight.tolist()):
        metric.update(a, b, w)
    return metric.get()


good, many = True, (np.repeat(y, weight), np.repeat(guess, weight))
for name, scikit in (("Accuracy", "accuracy_score"), ("AdjustedRand", "adjusted_rand_score"), ("Rand", "rand_score"), ("Homogeneity", "homogeneity_score"), ("VBeta", "v_measure_score"), ("MutualInfo", "mutual_info_score")):
    make = getattr(metrics, name)
    weighted, repeated, right = fed(make(), y, guess, weight), fed(make(), *many, np.ones(len(many[0]))), getattr(sklearn.metrics, scikit)(*many)
    print(f"river {river.__version__} {name}: weighted {weighted:.4f}, rows repeated {repeated:.4f}, scikit-learn on repeated rows {right:.4f}")
    good &= abs(repeated - right) < 1e-9 and (abs(weighted - right) < 1e-9) == (name == "Accuracy")
    good &= weighted > 1.5 if name == "AdjustedRand" else name == "Accuracy" or weighted < 0
raise SystemExit(0 if good else 1)
PY
