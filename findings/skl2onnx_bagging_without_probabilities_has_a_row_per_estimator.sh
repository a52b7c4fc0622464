#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1, onnxruntime 1.31.1: BaggingClassifier of estimators that have no probabilities (SVC()).
#
# Guess, written before the run: as many labels as rows, each the one that most of the estimators vote for, as in scikit-learn.
# Seen: the graph sums the votes over the rows in place of the estimators. Whatever number of rows it is given, it puts out one label and
# one row of votes per estimator, the shares of all 400 rows together (80 in each). No warning.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxruntime==1.31.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.ensemble import BaggingClassifier
from sklearn.svm import SVC

draw = np.random.default_rng(0)
rows = draw.normal(size=(200, 3)).astype(np.float32)
y = np.digitize(rows[:, 0] + 0.5 * rows[:, 1], [-0.4, 0.4])
new = (2 * draw.normal(size=(400, 3))).astype(np.float32)
model = BaggingClassifier(SVC(), 5, random_state=0).fit(rows, y)
graph = to_onnx(model, rows[:1], options={id(model): {"zipmap": False}}).SerializeToString()
labels, chances = onnxruntime.InferenceSession(graph).run(None, {"X": new})
print("scikit-learn", model.predict(new).shape, model.predict_proba(new).shape, "ONNX", labels.shape, chances.shape)
print("a row of the graph's probabilities", chances[0].tolist())
assert model.predict(new).shape == (400,)
assert labels.shape == (5,) and np.isclose(chances[0].sum(), 80), "votes are counted by row now"
PY
