#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1, onnxruntime 1.31.1: trees and forests fitted on rows with missing values.
#
# Guess, written before the run: the ONNX model gives the estimator's labels and probabilities to 1e-4, or the conversion is refused.
# Seen: DecisionTree, RandomForest and ExtraTrees (classifiers and regressors) learn at every split to which side a missing value goes; the
# graph sends it to the right at every split. A fifth to a third of the labels of rows with gaps differ, without a warning;
# rows without gaps are the estimator's. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxruntime==1.31.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

x, y = make_classification(400, 6, n_informative=4, n_classes=3, n_clusters_per_class=1, random_state=0)
x = x.astype(np.float32)
gaps = np.random.default_rng(0).random(x.shape) < 0.2
holed = np.where(gaps, np.float32("nan"), x)
whole = ~gaps.any(1)
shares = []
for made in (DecisionTreeClassifier, RandomForestClassifier, ExtraTreesClassifier):
    model = made(max_depth=6, random_state=0).fit(holed, y)
    graph = to_onnx(model, holed[:1], options={"zipmap": False}).SerializeToString()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    labels = session.run(None, {session.get_inputs()[0].name: holed})[0]
    wrong = labels != model.predict(holed)
    shares.append((wrong[~whole].mean(), wrong[whole].mean()))
    print(f"{made.__name__:22} other labels: {shares[-1][0]:.2f} of the rows with gaps, {shares[-1][1]:.2f} of those without")
sys.exit(0 if all(with_gaps > 0.1 and without < 0.01 for with_gaps, without in shares) else 1)
PY
