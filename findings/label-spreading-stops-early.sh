#!/usr/bin/env bash
# scikit-learn 1.9.1, LabelSpreading with its default tolerance.
#
# Guess before it was run: rows more than a few steps of the graph away from a label get the first class.
# Seen: two clusters of 30 rows that are 1,000 apart, one label each (7 and 9). At the default tol=0.001 fitting ends after
# 5 iterations without a warning; 48 of 60 rows have no label distribution at all (their rows sum to 0), and 24 of the 30
# rows of the second cluster, in which only a 9 is labelled, are called 7. With tol=0 all 30 are called 9.
# Why: with alpha = 0.2 a label is worth about 0.2^k after k steps, less than the tolerance from the fifth on.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$work/venv/bin/python" - <<'PY'
import warnings

import numpy as np
import sklearn
from sklearn.semi_supervised import LabelSpreading

x = np.arange(60.0)[:, None]
x[30:] += 1000
y = np.full(60, -1)
y[0], y[30] = 7, 9
right, empty, steps, warned = {}, {}, {}, {}
for tol in (1e-3, 0.0):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = LabelSpreading(kernel="knn", n_neighbors=3, tol=tol, max_iter=200).fit(x, y)
    right[tol] = int((model.transduction_[30:] == 9).sum())
    empty[tol] = int((model.label_distributions_.sum(1) == 0).sum())
    steps[tol], warned[tol] = model.n_iter_, len(said)
print("scikit-learn", sklearn.__version__)
for tol in right:
    print(f"tol {tol}: {steps[tol]} iterations, {warned[tol]} warnings, {empty[tol]} rows without a label, "
          f"{right[tol]} of 30 rows of the second cluster are called 9")
assert (right[1e-3], empty[1e-3], steps[1e-3], warned[1e-3]) == (6, 48, 5, 0), "the behaviour has changed"
assert right[0.0] == 30, "the behaviour has changed"
PY
