#!/usr/bin/env bash
# onnxmltools 1.16.0 with xgboost 3.2.0, onnxruntime 1.31.1: an XGBRegressor fitted to a target of two columns.
#
# Guess, written before the run: the ONNX model gives the estimator's predictions to 1e-4, or the conversion is refused.
# Seen: the result has two columns: the first holds the trees of both targets added up, the second is zero everywhere. The estimator has
# R2 = 0.99 for both, the ONNX model 0 or less. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "onnxmltools==1.16.0" "xgboost==3.2.0" "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxruntime==1.31.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys

import numpy as np
import onnxruntime
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.metrics import r2_score
from xgboost import XGBRegressor

rng = np.random.default_rng(0)
x = rng.normal(size=(400, 4)).astype(np.float32)
first = 2 * x[:, 0] + x[:, 1]
y = np.stack([first, x[:, 2] - first], axis=1)
found = {}
for name, target in (("one target", first), ("two targets", y)):
    model = XGBRegressor(n_estimators=20, n_jobs=1).fit(x, target)
    graph = convert_xgboost(model, initial_types=[("x", FloatTensorType([None, 4]))]).SerializeToString()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    onnx = session.run(None, {"x": x})[0].reshape(target.shape)
    scores = [r2_score(target, values, multioutput="raw_values").round(3).tolist() for values in (model.predict(x), onnx)]
    print(f"{name}: R2 of the estimator {scores[0]}, of the ONNX model {scores[1]}")
    found[name] = onnx, scores
one, two = found["one target"], found["two targets"]
kept = abs(one[1][0][0] - one[1][1][0]) < 1e-3
lost = (two[0][:, 1] == 0).all() and min(two[1][0]) > 0.9 and max(two[1][1]) < 0.1
print("second column all zero:", bool((two[0][:, 1] == 0).all()))
sys.exit(0 if kept and lost else 1)
PY
