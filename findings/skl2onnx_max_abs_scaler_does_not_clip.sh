#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1, onnxruntime 1.31.1: MaxAbsScaler(clip=True).
#
# Guess, written before the run: new rows are clipped to -1 ... 1 as scikit-learn's are, or the option is refused.
# Seen: they are not clipped: the option is ignored without a warning. MinMaxScaler(clip=True) is right.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxruntime==1.31.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler

rows, new = np.array([[-2.0], [1.0]], np.float32), np.array([[1.0], [10.0], [-6.0]], np.float32)
for scaler in (MinMaxScaler(clip=True), MaxAbsScaler(clip=True)):
    model = scaler.fit(rows)
    session = onnxruntime.InferenceSession(to_onnx(model, rows[:1]).SerializeToString())
    given, exported = model.transform(new).ravel(), session.run(None, {"X": new})[0].ravel()
    print(scaler, "scikit-learn", given.tolist(), "ONNX", exported.tolist())
    if isinstance(scaler, MinMaxScaler):
        assert np.allclose(given, exported)
assert np.allclose(given, [0.5, 1.0, -1.0])
assert np.allclose(exported, [0.5, 5.0, -3.0]), "it clips now"
PY
