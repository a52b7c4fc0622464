#!/usr/bin/env bash
# onnxmltools 1.16.0 with xgboost 3.2.0, onnxruntime 1.31.1: a forest of three classes, XGBRFClassifier (or XGBClassifier with num_parallel_tree).
#
# Guess, written before the run: labels and probabilities of the ONNX model are the estimator's (1e-4), or the conversion is refused.
# Seen: labels are those of a guess: accuracy on the training rows falls from .95 to .40, and from .95 to .90 for boosting with four parallel
# trees. Tree i is given to class i modulo 3, but XGBoost writes all parallel trees of a class before those of the next. Two classes are right,
# and three without parallel trees too. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxmltools==1.16.0" "onnxruntime==1.31.1"
"$folder/env/bin/python" -m pip install -q --no-deps "xgboost==3.2.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import onnxmltools
import onnxruntime
from onnxmltools.convert.common.data_types import FloatTensorType
from xgboost import XGBClassifier, XGBRFClassifier

onnxruntime.set_default_logger_severity(4)
rng = np.random.default_rng(0)
x = rng.normal(size=(400, 5)).astype(np.float32)
target = x[:, 0] + x[:, 1] ** 2 + 0.3 * rng.normal(size=400)
three, two = np.digitize(target, [0.3, 1.5]), (target > 1).astype(int)
found = {}
for name, model, y in (
    ("forest, 2 classes", XGBRFClassifier(n_estimators=20, random_state=0), two),
    ("boosting, 3 classes", XGBClassifier(n_estimators=20, random_state=0), three),
    ("forest, 3 classes", XGBRFClassifier(n_estimators=20, random_state=0), three),
    ("boosting with 4 parallel trees, 3 classes", XGBClassifier(n_estimators=5, num_parallel_tree=4, subsample=0.7, random_state=0), three),
):
    model.fit(x, y)
    graph = onnxmltools.convert_xgboost(model, initial_types=[("x", FloatTensorType([None, 5]))])
    labels, probabilities = onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"x": x})
    found[name] = np.abs(probabilities - model.predict_proba(x)).max(), (model.predict(x) == y).mean(), (labels == y).mean()
    print(f"onnxmltools {onnxmltools.__version__} {name}: probabilities off by {found[name][0]:.2g}, accuracy {found[name][1]:.2f}, ONNX {found[name][2]:.2f}")
right = all(found[n][0] < 1e-4 for n in ("forest, 2 classes", "boosting, 3 classes"))
raise SystemExit(0 if right and found["forest, 3 classes"][2] < 0.6 and found["boosting with 4 parallel trees, 3 classes"][0] > 0.1 else 1)
PY
