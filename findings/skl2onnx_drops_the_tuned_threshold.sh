#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1, onnxruntime 1.31.1: TunedThresholdClassifierCV, a classifier whose threshold is chosen by cross-
# validation.
#
# Guess, written before the run: its labels in the graph are the estimator's, or it is refused, as FixedThresholdClassifier is.
# Seen: it is converted, and the labels are those of the threshold .5: of 400 rows with a rare class, .20 are called positive by the estimator
# and .04 by the graph. Probabilities are equal, so a test of probabilities passes. No warning is given. Exits non-zero if the behaviour changes.
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


from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import TunedThresholdClassifierCV

x, y = make_classification(400, 5, weights=[0.9], flip_y=0.1, random_state=0)
x = x.astype(np.float32)
model = TunedThresholdClassifierCV(LogisticRegression(), scoring="balanced_accuracy").fit(x, y)
labels, probabilities = run(model, x, {id(model): {"zipmap": False}})
own, off = model.predict(x), np.abs(probabilities - model.predict_proba(x)).max()
at_half = (model.predict_proba(x)[:, 1] > 0.5).astype(int)
print(f"skl2onnx {skl2onnx.__version__}: threshold {model.best_threshold_:.3f}; called positive: estimator {own.mean():.3f}, graph {labels.mean():.3f}, threshold .5 {at_half.mean():.3f}; probabilities off by {off:.0e}")
print(f"balanced accuracy: estimator {balanced_accuracy_score(y, own):.3f}, graph {balanced_accuracy_score(y, labels):.3f}")
raise SystemExit(0 if (labels == at_half).all() and own.mean() > 3 * labels.mean() and off < 1e-5 else 1)
PY
