#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1, onnxruntime 1.31.1: LinearDiscriminantAnalysis with two classes.
#
# Guess, written before the run: the probabilities of the ONNX model are the estimator's to 1e-4, or the conversion is refused.
# Seen: labels agree and probabilities do not: they are the logistic function of twice the decision function, 0.15 off at worst.
# The graph takes the softmax of -d and d, where the estimator takes that of 0 and d. Thresholds, averages with other models
# and stacks on these probabilities are silently others. Three classes are right. Exits non-zero if the behaviour changes.
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
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

found = {}
for classes in (2, 3):
    x, y = make_classification(
        400, 5, n_informative=4, n_redundant=0, n_classes=classes, n_clusters_per_class=1, flip_y=0.2, random_state=0
    )
    x = x.astype(np.float32)
    model = LinearDiscriminantAnalysis().fit(x, y)
    graph = to_onnx(model, x[:1], options={"zipmap": False}).SerializeToString()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    labels, scores = session.run(None, {session.get_inputs()[0].name: x})
    off = np.abs(scores - model.predict_proba(x)).max()
    same = (labels == model.predict(x)).all()
    found[classes] = off, same
    print(f"{classes} classes: labels the same: {same}, largest difference of a probability {off:.3f}")
    if classes == 2:
        twice = 1 / (1 + np.exp(-2 * model.decision_function(x)))
        double = np.abs(scores[:, 1] - twice).max() < 1e-4
        print(f"logistic function of twice the score: {double}")
sys.exit(0 if found[2][0] > 0.1 and found[2][1] and double and found[3][0] < 1e-4 else 1)
PY
