#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1, onnxruntime 1.31.1: Normalizer(norm="max").
#
# Guess, written before the run: rows are divided by their largest absolute value, as scikit-learn's are, to 1e-6.
# Seen: rows are divided by their largest value with its sign. A row whose largest number by size is negative gets other numbers, and a
# row of negative numbers changes its sign, so that its smallest entry becomes the largest. No warning.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxruntime==1.31.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.preprocessing import Normalizer

rows = np.array([[-5.0, -6.0, -1.0], [4.0, -8.0, 2.0], [4.0, 1.0, 2.0]], np.float32)
model = Normalizer("max").fit(rows)
session = onnxruntime.InferenceSession(to_onnx(model, rows[:1]).SerializeToString())
given, exported = model.transform(rows), session.run(None, {"X": rows})[0]
print("scikit-learn", given.round(3).tolist())
print("ONNX        ", exported.round(3).tolist())
assert np.allclose(given[2], exported[2])  # a row of positive numbers
assert np.allclose(exported[0], rows[0] / -1.0), "the sign is no longer kept"
assert np.allclose(exported[1], rows[1] / 4.0), "the sign is no longer kept"
PY
