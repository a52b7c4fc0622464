#!/usr/bin/env bash
# onnxmltools 1.16.0 with xgboost 3.2.0, onnxruntime 1.31.1: XGBRegressor(objective="reg:logistic"), the objective for shares and soft labels in [0, 1].
#
# Guess, written before the run: the ONNX model gives the estimator's predictions to 1e-4, or the conversion is refused.
# Seen: it gives numbers from -2.7 to 4.1: the sigmoid is left out, and they are not the log odds either, because the base score is added as it is
# and not as its log odds. count:poisson, reg:gamma and reg:tweedie, whose exponential is written, are right. No warning is given. Exits non-zero if
# the behaviour changes.
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
from xgboost import XGBRegressor

onnxruntime.set_default_logger_severity(4)
rng = np.random.default_rng(0)
x = rng.normal(size=(400, 5)).astype(np.float32)
share = 1 / (1 + np.exp(-2 * x[:, 0] - x[:, 1] ** 2 + 2 + 0.3 * rng.normal(size=400)))
found = {}
for objective in ("reg:squarederror", "count:poisson", "reg:gamma", "reg:tweedie", "reg:logistic"):
    model = XGBRegressor(n_estimators=20, max_depth=3, random_state=0, objective=objective).fit(x, share)
    graph = onnxmltools.convert_xgboost(model, initial_types=[("x", FloatTensorType([None, 5]))])
    (out,) = onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"x": x})
    margin = model.predict(x, output_margin=True)
    found[objective] = np.abs(out.ravel() - model.predict(x)).max(), np.abs(out.ravel() - margin).max(), out.min(), out.max()
    print(f"onnxmltools {onnxmltools.__version__} {objective}: off by {found[objective][0]:.2g}, from the margin by {found[objective][1]:.2g}; from {found[objective][2]:.2f} to {found[objective][3]:.2f}")
raise SystemExit(0 if all(v[0] < 1e-4 for k, v in found.items() if k != "reg:logistic") and found["reg:logistic"][0] > 1 and found["reg:logistic"][1] > 1e-2 else 1)
PY
