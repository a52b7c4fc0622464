#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1, onnxruntime 1.31.1: SimpleImputer fitted where a column has no value, in a pipeline.
#
# Guess, written before the run: the column is dropped, as scikit-learn does unless keep_empty_features=True, so that the pipeline predicts alike.
# Seen: the graph keeps the column. A step that does not know the number of columns (Normalizer) goes on with it: the output has other numbers, and one column
# more than scikit-learn's, without a warning.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxruntime==1.31.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

draw = np.random.default_rng(0)
rows = draw.normal(size=(50, 3)).astype(np.float32)
rows[:, 1] = np.nan
new = np.array([[1.0, 2.0, 2.0]], np.float32)
model = make_pipeline(SimpleImputer(), Normalizer()).fit(rows)
session = onnxruntime.InferenceSession(to_onnx(model, rows[:1]).SerializeToString())
given, exported = model.transform(new), session.run(None, {"X": new})[0]
print("scikit-learn", given.round(3).tolist(), "ONNX", exported.round(3).tolist())
assert given.shape == (1, 2)
assert exported.shape == (1, 3) and np.allclose(exported[0], [1 / 3, 2 / 3, 2 / 3]), "the column is dropped now"
PY
