#!/usr/bin/env bash
# scikit-learn 1.9.1: LabelSpreading and LabelPropagation on class names with -1 for the unlabelled rows.
#
# Guess, written before the run: np.array(["cat", "dog", -1]), whose -1 numpy turns into "-1", is refused, as SelfTrainingClassifier
# refuses it, or "-1" counts as unlabelled.
# Seen: "-1" is a class like any other. No row is unlabelled, nothing is spread, and 38 of 40 rows, in two clusters with a labelled row
# each, are called "-1" by predict. The check is y == -1, which no text fulfils. An array of objects raises a TypeError; whole numbers
# are right. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelPropagation, LabelSpreading, SelfTrainingClassifier

rng = np.random.default_rng(0)
x = np.r_[rng.normal(size=(20, 2)), rng.normal(size=(20, 2)) + 8]
names = np.array(["cat"] + [-1] * 19 + ["dog"] + [-1] * 19)
numbers = np.array([0] + [-1] * 19 + [1] + [-1] * 19)
print("scikit-learn", sklearn.__version__)
right = True
for kind in (LabelSpreading, LabelPropagation):
    by_name, by_number = kind().fit(x, names).predict(x), kind().fit(x, numbers).predict(x)
    print(f"{kind.__name__}: {(by_name == '-1').sum()} of 40 rows are called '-1'; with numbers {(by_number == np.repeat([0, 1], 20)).sum()} of 40 are right")
    right = right and (by_name == "-1").sum() >= 30 and (by_number == np.repeat([0, 1], 20)).all()
try:
    SelfTrainingClassifier(LogisticRegression()).fit(x, names)
    right = False
except ValueError as error:
    print("SelfTrainingClassifier:", error)
raise SystemExit(0 if right else 1)
PY
