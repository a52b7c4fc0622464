#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1, onnxruntime 1.31.1: SimpleImputer(add_indicator=True) before a linear model.
#
# Guess, written before the run: the conversion keeps the indicator columns, or is refused.
# Seen: the columns that mark missing values are gone, without a warning: the imputer puts out 2 columns instead of 4, and the
# classifier with 4 coefficients per class runs on them all the same. Here the value does not matter and being missing does;
# the estimator is right on every row, the ONNX model at chance. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxruntime==1.31.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import onnxruntime
import skl2onnx
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

rng = np.random.default_rng(0)
x = rng.normal(size=(400, 2)).astype(np.float32)
y = (rng.random(400) < 0.5).astype(int)
x[y == 1, 0] = np.nan
x[rng.random(400) < 0.2, 1] = np.nan

def session(model, **options):
    return onnxruntime.InferenceSession(skl2onnx.to_onnx(model, x[:1], **options).SerializeToString())

imputer = SimpleImputer(add_indicator=True).fit(x)
columns = imputer.transform(x).shape[1], session(imputer).run(None, {"X": x})[0].shape[1]
model = make_pipeline(imputer, LogisticRegression()).fit(x, y)
labels = session(model, options={"zipmap": False}).run(None, {"X": x})[0]
right = float((model.predict(x) == y).mean()), float((labels == y).mean())
print(f"skl2onnx {skl2onnx.__version__}: columns after the imputer {columns[0]}, in ONNX {columns[1]};"
      f" right labels {right[0]:.0%}, in ONNX {right[1]:.0%}")
raise SystemExit(0 if columns == (4, 2) and right[0] == 1 and right[1] < 0.7 else 1)
PY
