#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1, onnxruntime 1.31.1: SGDClassifier(loss="modified_huber") with three classes.
#
# Guess, written before the run: labels and probabilities are the estimator's.
# Seen: the probabilities are, and a third of the labels are not. scikit-learn takes the label from the decision function; the graph takes
# it from the probabilities, which this loss cuts off at 0 and 1, so that two classes are often equal and the first one wins. With
# loss="log_loss" all labels agree.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxruntime==1.31.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.linear_model import SGDClassifier

draw = np.random.default_rng(0)
rows = draw.normal(size=(200, 3)).astype(np.float32)
y = np.digitize(rows[:, 0] + 0.5 * rows[:, 1], [-0.4, 0.4])
new = (2 * draw.normal(size=(2000, 3))).astype(np.float32)
differ = {}
for loss in ("log_loss", "modified_huber"):
    model = SGDClassifier(loss=loss, random_state=0).fit(rows, y)
    exported = to_onnx(model, rows[:1], options={id(model): {"zipmap": False}}).SerializeToString()
    labels, chances = onnxruntime.InferenceSession(exported).run(None, {"X": new})
    assert np.abs(model.predict_proba(new) - chances).max() < 1e-5
    differ[loss] = float((model.predict(new) != labels).mean())
    print(loss, "labels that differ", differ[loss])
assert differ["log_loss"] < 0.001
assert differ["modified_huber"] > 0.1, "the labels agree now"
PY
