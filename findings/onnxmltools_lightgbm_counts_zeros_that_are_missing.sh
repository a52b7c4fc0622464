#!/usr/bin/env bash
# onnxmltools 1.16.0 with lightgbm 4.7.0, onnxruntime 1.31.1: LightGBM with zero_as_missing=True, for tables in which 0 stands for "not measured".
#
# Guess, written before the run: the ONNX model gives the estimator's predictions to 1e-4, or the conversion is refused.
# Seen: the ONNX model compares a zero with the thresholds like any number. Predictions are off by up to 1.5, more than the spread of the target,
# in rows with a zero, and equal in rows without one. Real gaps (NaN) are converted right. No warning is given. Exits non-zero if the
# behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "pandas==3.1.1" "lightgbm==4.7.0" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxmltools==1.16.0" "onnxruntime==1.31.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import onnxmltools
import onnxruntime
from lightgbm import LGBMRegressor
from onnxmltools.convert.common.data_types import FloatTensorType

onnxruntime.set_default_logger_severity(4)
rng = np.random.default_rng(0)
x = rng.normal(size=(400, 5)).astype(np.float32)
target = x[:, 0] + x[:, 1] ** 2 + 0.3 * rng.normal(size=400)
gaps = rng.uniform(size=x.shape) < 0.2
off = {}
for name, value, options in (("zero_as_missing", 0.0, {"zero_as_missing": True}), ("NaN", np.nan, {})):
    table = np.where(gaps, np.float32(value), x).astype(np.float32)
    model = LGBMRegressor(n_estimators=20, verbose=-1, random_state=0, **options).fit(table, target)
    graph = onnxmltools.convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 5]))])
    (out,) = onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"x": table})
    distance = np.abs(out.ravel() - model.predict(table))
    off[name] = distance[gaps.any(1)].max(), distance[~gaps.any(1)].max()
    print(f"onnxmltools {onnxmltools.__version__} {name}: predictions off by up to {off[name][0]:.2g} in rows with a gap, {off[name][1]:.2g} in rows without; spread of the target {target.std():.2f}")
raise SystemExit(0 if off["zero_as_missing"][0] > 0.5 and max(off["zero_as_missing"][1], *off["NaN"]) < 1e-4 else 1)
PY
