#!/usr/bin/env bash
# scikit-learn 1.9.1: cohen_kappa_score(weights="quadratic") of grades of which one does not occur.
#
# Expected: the distance of two grades is the difference of their values, so the score is that of any set of labels that contains them.
# Seen: distances are counted in places of the sorted list of grades that occur. Without any 3 and 4, the grades 2 and 5 are one apart, as 1 and
# 2 are. A small test set, one fold or one rater can lack a grade, and then scores of models and folds are on different scales; the same
# predictions score higher or lower when one row with the missing grade is added to both. labels=range(...) gives the value with all grades.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import sklearn
from sklearn.metrics import cohen_kappa_score

true = np.array([1] * 20 + [2] * 20 + [5] * 20)
predicted = np.array([1] * 8 + [2] * 12 + [2] * 12 + [1] * 8 + [5] * 20)
distance = (np.arange(1, 6)[:, None] - np.arange(1, 6)) ** 2
table = np.zeros((5, 5))
np.add.at(table, (true - 1, predicted - 1), 1)
written_out = 1 - (distance * table).sum() / (distance * np.outer(table.sum(1), table.sum(0)) / table.sum()).sum()
scores = {
    "as is": cohen_kappa_score(true, predicted, weights="quadratic"),
    "labels=1 to 5": cohen_kappa_score(true, predicted, weights="quadratic", labels=range(1, 6)),
    "grades called 1, 2, 3": cohen_kappa_score(np.minimum(true, 3), np.minimum(predicted, 3), weights="quadratic"),
    "one row of 3 and one of 4 more": cohen_kappa_score([*true, 3, 4], [*predicted, 3, 4], weights="quadratic"),
}
print(f"scikit-learn {sklearn.__version__}: quadratic kappa by the grades' values {written_out:.3f};", ", ".join(f"{k}: {v:.3f}" for k, v in scores.items()))
same = scores["as is"] == scores["grades called 1, 2, 3"] and abs(scores["labels=1 to 5"] - written_out) < 1e-9
raise SystemExit(0 if same and abs(scores["as is"] - written_out) > 0.02 else 1)
PY
