#!/usr/bin/env bash
# mapie 1.6.0 with scikit-learn 1.9.1: VennAbersCalibrator(cv="prefit") of a binary classifier whose classes are 1 and 2, or -1 and 1.
#
# Guess, written before the run: the probabilities are those of the same rows labelled 0 and 1, or the labels are refused.
# Seen: the labels themselves are averaged as if they were 0 and 1. With classes 1 and 2 the probabilities go from -1.3 to 2.3 and every row is
# predicted to be of class 2; with -1 and 1 they go from -5.5 to 6.5. The inductive and the cross form, which fit the classifier themselves, are
# right with any labels, and so is TopLabelCalibrator. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "pandas==3.1.1" "mapie==1.6.0"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
from mapie.calibration import VennAbersCalibrator
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

x, y = make_classification(900, 6, n_informative=3, random_state=0, flip_y=0.2, weights=[0.7])
found = {}
for classes in ((0, 1), (1, 2), (-1, 1)):
    labels = np.array(classes)[y]
    for how in ("prefit", "inductive", "cross"):
        model = LogisticRegression()
        if how == "prefit":
            calibrator = VennAbersCalibrator(model.fit(x[:300], labels[:300]), cv="prefit").fit(x[300:600], labels[300:600])
        else:
            calibrator = VennAbersCalibrator(model, inductive=how == "inductive", n_splits=5, random_state=0).fit(x[:600], labels[:600])
        probabilities, predicted = calibrator.predict_proba(x[600:]), np.asarray(calibrator.predict(x[600:]))
        found[classes, how] = probabilities.min(), probabilities.max(), (predicted == labels[600:]).mean()
        print(f"mapie {version('mapie')}, classes {classes}, {how}: probabilities from {found[classes, how][0]:.2f} to {found[classes, how][1]:.2f}, accuracy {found[classes, how][2]:.2f}, predicted {np.unique(predicted).tolist()}")
right = all(0 <= low and high <= 1 for (classes, how), (low, high, _) in found.items() if how != "prefit" or classes == (0, 1))
raise SystemExit(0 if right and found[(1, 2), "prefit"][1] > 1.5 and found[(1, 2), "prefit"][2] < 0.5 and found[(-1, 1), "prefit"][0] < -1 else 1)
PY
