#!/usr/bin/env bash
# imbalanced-learn 0.14.2 with scikit-learn 1.9.1: BalancedRandomForestClassifier(bootstrap=True, oob_score=True), the score of rows that a tree has not
# seen.
#
# Guess, written before the run: on labels that are pure noise the out-of-bag score is that of a guess, .5 for two classes of equal size.
# Seen: it is .98. By default (replacement=True, sampling_strategy="all") the rows of a class are drawn with replacement before the bootstrap, so
# most rows are there several times, and a copy that the bootstrap leaves out is called out of bag although the tree was fitted to another copy
# of the same row. With replacement=False, and in scikit-learn's forest and BalancedBaggingClassifier, it is near .5. No warning is
# given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "pandas==3.1.1" "imbalanced-learn==0.14.2"
"$folder/env/bin/python" -W ignore - <<'PY'
import imblearn
import numpy as np
from imblearn.ensemble import BalancedBaggingClassifier, BalancedRandomForestClassifier
from sklearn.ensemble import RandomForestClassifier

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 5))
y = (rng.uniform(size=300) < 0.5).astype(int)  # nothing to learn
common = dict(n_estimators=100, oob_score=True, random_state=0)
models = {
    "BalancedRandomForestClassifier": BalancedRandomForestClassifier(bootstrap=True, **common),
    "BalancedRandomForestClassifier, replacement=False": BalancedRandomForestClassifier(bootstrap=True, replacement=False, **common),
    "BalancedBaggingClassifier": BalancedBaggingClassifier(**common),
    "RandomForestClassifier of scikit-learn": RandomForestClassifier(**common),
}
score = {name: model.fit(x, y).oob_score_ for name, model in models.items()}
for name, value in score.items():
    print(f"imbalanced-learn {imblearn.__version__} {name}: out-of-bag accuracy {value:.3f}, on new rows of noise {models[name].score(rng.normal(size=(4000, 5)), rng.integers(0, 2, 4000)):.3f}")
raise SystemExit(0 if score["BalancedRandomForestClassifier"] > 0.9 and all(v < 0.65 for n, v in score.items() if n != "BalancedRandomForestClassifier") else 1)
PY
