#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1, onnxruntime 1.31.1: DecisionTreeClassifier fitted to two targets at once.
#
# Guess, written before the run: labels and probabilities are the estimator's, or it is refused.
# Seen: labels are right. Each class has probability 1 if a single training row of it is in the leaf, and 0 otherwise: .93 and .07 become 1 and
# 1, so most rows' classes sum to 2. RandomForestClassifier on the same targets is right. No warning is given. Exits non-zero if the behaviour
# changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxruntime==1.31.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import onnxruntime
import skl2onnx

onnxruntime.set_default_logger_severity(4)


def run(model, rows, options=None):
    graph = skl2onnx.to_onnx(model, rows[:1], options=options, target_opset=18)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: rows})


from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

random = np.random.default_rng(0)
x = random.normal(size=(400, 2)).astype(np.float32)
y = ((x + 0.5 * random.normal(size=x.shape)) > 0).astype(np.int64)
found = {}
for model in (DecisionTreeClassifier(max_depth=3, random_state=0), RandomForestClassifier(20, max_depth=3, random_state=0)):
    model.fit(x, y)
    labels, probabilities = run(model, x, {id(model): {"zipmap": False}})
    own, probabilities = np.stack(model.predict_proba(x)), np.asarray(probabilities)
    found[type(model).__name__] = (np.asarray(labels).reshape(y.shape) == model.predict(x)).mean(), np.abs(probabilities - own).max(), probabilities.min(), probabilities.max(), (probabilities.sum(-1) > 1.5).mean()
    equal, off, low, high, doubled = found[type(model).__name__]
    print(f"skl2onnx {skl2onnx.__version__} {type(model).__name__}: labels equal {equal:.0%}; probabilities from {low:.2f} to {high:.2f}, the estimator's from {own.min():.2f} to {own.max():.2f}, off by {off:.2g}; classes that sum to 2: {doubled:.0%}; first row {probabilities[0, 0].round(3)}, estimator {own[0, 0].round(3)}")
tree, forest = found["DecisionTreeClassifier"], found["RandomForestClassifier"]
raise SystemExit(0 if tree[0] == 1 and tree[4] > 0.5 and tree[1] > 0.5 and forest[0] == 1 and forest[1] < 1e-5 else 1)
PY
