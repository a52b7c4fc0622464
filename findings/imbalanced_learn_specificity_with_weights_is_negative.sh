#!/usr/bin/env bash
# imbalanced-learn 0.14.2 with scikit-learn 1.9.1: specificity_score and geometric_mean_score with sample_weight.
#
# Guess, written before the run: whole-numbered weights give what the same rows give when they are repeated.
# Seen: sensitivity does. Specificity does not: weights that are all 2 lower it from .93 to .71, and larger ones make it negative and the geometric
# mean of that class NaN. True negatives are counted as the number of rows, without weights, less the weighted counts of the rest. No warning is
# given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "pandas==3.1.1" "imbalanced-learn==0.14.2"
"$folder/env/bin/python" -W ignore - <<'PY'
import imblearn
import numpy as np
from imblearn.metrics import geometric_mean_score, sensitivity_score, specificity_score

rng = np.random.default_rng(0)
true = rng.integers(0, 3, 60)
found = np.where(rng.uniform(size=60) < 0.7, true, rng.integers(0, 3, 60))
off, lowest = {}, 1.0
for name, weights in (("all 1", np.ones(60, int)), ("all 2", np.full(60, 2)), ("all 3", np.full(60, 3)), ("1 to 3", rng.integers(1, 4, 60))):
    for score in (sensitivity_score, specificity_score, geometric_mean_score):
        weighted = score(true, found, average="macro", sample_weight=weights)
        repeated = score(np.repeat(true, weights), np.repeat(found, weights), average="macro")
        off[name, score.__name__] = abs(weighted - repeated)
        lowest = min(lowest, np.min(score(true, found, average=None, sample_weight=weights)))
        print(f"imbalanced-learn {imblearn.__version__} weights {name}: {score.__name__} {weighted:.3f}, of repeated rows {repeated:.3f}; by class {np.round(score(true, found, average=None, sample_weight=weights), 3).tolist()}")
right = all(v < 1e-9 for (name, score), v in off.items() if name == "all 1" or score == "sensitivity_score")
raise SystemExit(0 if right and all(v > 0.1 for (name, score), v in off.items() if name != "all 1" and score == "specificity_score") and lowest < 0 else 1)
PY
