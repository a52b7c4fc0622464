#!/usr/bin/env bash
# onnxmltools 1.16.0 with lightgbm 4.7.0, onnxruntime 1.31.1: LightGBM with linear_tree=True.
#
# Guess, written before the run: the ONNX model gives the estimator's predictions to 1e-4, or the conversion is refused.
# Seen: the linear models in the leaves are dropped and each leaf gives one constant, without a warning: on a plane R2 falls
# from 0.98 to 0.78. Constant leaves are converted exactly.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "onnxmltools==1.16.0" "lightgbm==4.7.0" "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxruntime==1.31.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys

import numpy as np
import onnxruntime
from lightgbm import LGBMRegressor
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.metrics import r2_score

rng = np.random.default_rng(0)
x = rng.normal(size=(400, 4)).astype(np.float32)
y = 2 * x[:, 0] + x[:, 1]
scores = {}
for linear in (False, True):
    model = LGBMRegressor(n_estimators=20, num_leaves=4, linear_tree=linear, n_jobs=1, verbose=-1).fit(x, y)
    graph = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))]).SerializeToString()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    onnx = session.run(None, {"x": x})[0].ravel()
    scores[linear] = r2_score(y, model.predict(x)), r2_score(y, onnx)
    print(f"linear_tree={linear}: R2 of the estimator {scores[linear][0]:.3f}, of the ONNX model {scores[linear][1]:.3f}")
sys.exit(0 if abs(scores[False][0] - scores[False][1]) < 1e-4 and scores[True][0] - scores[True][1] > 0.05 else 1)
PY
