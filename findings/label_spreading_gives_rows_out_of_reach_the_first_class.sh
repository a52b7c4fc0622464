#!/usr/bin/env bash
# scikit-learn 1.9.1: LabelSpreading and LabelPropagation where some rows are connected to no labelled row (a group of their own, far away).
#
# Guess, written before the run: such rows have no class, equal shares for all classes, or a warning.
# Seen: transduction_ and predict give them the first class in sorted order, the rows of label_distributions_ are all zeros, and predict_proba of
# a new row there is NaN. So it is with kernel="knn", and with "rbf" from where exp(-gamma d^2) underflows. The first class gets all such rows,
# and a self-training loop takes them for labelled. The only warning is numpy's, of a division in predict_proba. Exits non-zero if the behaviour
# changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import sklearn
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

random = np.random.default_rng(0)
rows = np.concatenate([random.normal(centre, 0.3, (20, 2)) for centre in (0, 5, 50)])
labels = np.full(60, -1)
labels[[0, 20]] = 3, 7
ok = True
for estimator in (LabelSpreading, LabelPropagation):
    for kernel in ("knn", "rbf"):
        model = estimator(kernel=kernel, max_iter=1000).fit(rows, labels)
        far, shares = model.transduction_[40:], model.label_distributions_[40:]
        with np.errstate(all="ignore"):
            new = model.predict(rows[40:] + 0.01), model.predict_proba(rows[40:] + 0.01)
        near = (model.transduction_[:40] == np.repeat([3, 7], 20)).mean()
        print(f"scikit-learn {sklearn.__version__} {estimator.__name__} {kernel}: rows near a label {near:.0%} right; 20 rows out of reach: classes {np.unique(far)}, shares up to {shares.max():.2g}; new rows: {np.unique(new[0])}, probabilities {new[1][0]}")
        ok = ok and set(far) == {3} == set(new[0]) and shares.max() == 0 and np.isnan(new[1]).all()
raise SystemExit(0 if ok else 1)
PY
