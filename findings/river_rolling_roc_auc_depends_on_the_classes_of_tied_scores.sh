#!/usr/bin/env bash
# river 0.26.1: metrics.RollingROCAUC, which "calculates the exact value considering only the last S instances", where scores are tied.
#
# Guess, written before the run: a tie of a positive and a negative row counts as one half, as in scikit-learn's roc_auc_score; one score for all
# rows gives .5.
# Seen: one score for all rows gives 0 with one positive in four rows, .33 with three in four and .5 with two. Scores rounded to few values come out
# lower, up to .5. ROCAUC, the approximate one, gives .5. Without ties the value is scikit-learn's. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "river==0.26.1" "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "pandas==3.1.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import river
from river import metrics
from sklearn.metrics import roc_auc_score


def area(make, y, score):
    metric = make()
    for a, b in zip(y, score):
        metric.update(bool(a), float(b))
    return float(metric.get())


found = {}
for y in ((1, 0, 0, 0), (1, 1, 0, 0), (1, 1, 1, 0)):
    found[y] = area(metrics.RollingROCAUC, y, [0.5] * 4)
    print(f"river {river.__version__}: score .5 for classes {y}: RollingROCAUC {found[y]:.4f}, ROCAUC {area(metrics.ROCAUC, y, [0.5] * 4):.4f}, scikit-learn {roc_auc_score(y, [0.5] * 4):.4f}")
rng = np.random.default_rng(0)
y = rng.random(300) < 0.1
score = rng.random(300)
for name, s in (("no ties", score), ("rounded to 0 and 1", score.round())):
    found[name] = area(metrics.RollingROCAUC, y, s) - roc_auc_score(y, s)
    print(f"  300 rows, a tenth positive, {name}: RollingROCAUC {area(metrics.RollingROCAUC, y, s):.4f}, scikit-learn {roc_auc_score(y, s):.4f}")
raise SystemExit(0 if found[1, 0, 0, 0] == 0 and abs(found[1, 1, 1, 0] - 1 / 3) < 1e-6 and found[1, 1, 0, 0] == 0.5 and abs(found["no ties"]) < 1e-9 and abs(found["rounded to 0 and 1"]) > 1e-3 else 1)
PY
