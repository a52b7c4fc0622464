#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1, onnxruntime 1.31.1: TargetEncoder and OrdinalEncoder with missing values.
#
# Guess, written before the run: a missing value of a new row is encoded as the missing values of the training rows were.
# Seen: it is encoded as a category that was never seen: TargetEncoder gives the overall mean in place of the mean of the rows with a missing
# value, OrdinalEncoder gives unknown_value in place of encoded_missing_value. No warning. What missing values say is lost.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxruntime==1.31.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.preprocessing import OrdinalEncoder, TargetEncoder

rows = np.repeat(np.array([[0.0], [1.0], [np.nan]], np.float32), 40, axis=0)
y = np.repeat([0.0, 1.0, 5.0], 40) + np.tile([-0.1, 0.1], 60)
new = np.array([[0.0], [1.0], [np.nan], [9.0]], np.float32)
found = {}
for encoder in (
    TargetEncoder(target_type="continuous"),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=7),
):
    model = encoder.fit(rows, y)
    session = onnxruntime.InferenceSession(to_onnx(model, rows[:1]).SerializeToString())
    given, exported = model.transform(new).ravel(), session.run(None, {"X": new})[0].ravel()
    print(type(encoder).__name__, "scikit-learn", given.round(3).tolist(), "ONNX", exported.round(3).tolist())
    assert np.allclose(given[[0, 1, 3]], exported[[0, 1, 3]], atol=1e-4)
    assert abs(given[2] - exported[2]) > 1 and np.isclose(exported[2], exported[3]), "missing values are known now"
PY
