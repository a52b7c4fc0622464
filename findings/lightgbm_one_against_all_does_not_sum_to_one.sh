#!/usr/bin/env bash
# lightgbm 4.7.0: LGBMClassifier(objective="multiclassova").predict_proba, three classes.
#
# Guess, written before the run: the probabilities of a row sum to one.
# Seen: they are those of the single classes against the rest as they come, with sums between .5 and 1.4 on new rows; scikit-learn's
# OneVsRestClassifier divides by the sum. So a threshold on the largest one, a conformal score, a log loss or an average with another model's
# probabilities mixes two scales. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "lightgbm==4.7.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import lightgbm
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

random = np.random.default_rng(0)
classes, new_classes = random.integers(0, 3, 200), random.integers(0, 3, 500)
x, new = (random.normal(size=(len(c), 3)) + np.eye(3)[c] for c in (classes, new_classes))
sums = {}
for name, model in (
    ("multiclassova", lightgbm.LGBMClassifier(objective="multiclassova", verbose=-1)),
    ("multiclass", lightgbm.LGBMClassifier(verbose=-1)),
    ("OneVsRestClassifier", OneVsRestClassifier(LogisticRegression())),
):
    p = model.fit(x, classes).predict_proba(new)
    sums[name] = p.sum(1)
    print(f"lightgbm {lightgbm.__version__} {name}: sums of the probabilities from {sums[name].min():.3f} to {sums[name].max():.3f}; accuracy {(p.argmax(1) == new_classes).mean():.2f}")
raise SystemExit(0 if sums["multiclassova"].min() < 0.8 and sums["multiclassova"].max() > 1.2 and all(np.allclose(sums[n], 1) for n in ("multiclass", "OneVsRestClassifier")) else 1)
PY
