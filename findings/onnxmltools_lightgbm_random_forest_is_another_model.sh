#!/usr/bin/env bash
# onnxmltools 1.16.0 with lightgbm 4.7.0, onnxruntime 1.31.1: LightGBM with boosting_type="rf", a forest, whose prediction is the mean of its trees.
#
# Guess, written before the run: the ONNX model gives the estimator's predictions and labels to 1e-4, or the conversion is refused.
# Seen: regression gives a fixed share of every prediction (a fifth here). Classification gives probabilities near 0 and 1 and other labels for
# 4 of 10 rows: the accuracy on the training rows falls from .89 to .60. Boosting by "gbdt" and "dart" is converted right. No warning is given.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "pandas==3.1.1" "lightgbm==4.7.0" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxmltools==1.16.0" "onnxruntime==1.31.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import onnxmltools
import onnxruntime
from lightgbm import LGBMClassifier, LGBMRegressor
from onnxmltools.convert.common.data_types import FloatTensorType

onnxruntime.set_default_logger_severity(4)
rng = np.random.default_rng(0)
x = rng.normal(size=(400, 5)).astype(np.float32)
target = x[:, 0] + x[:, 1] ** 2 + 0.3 * rng.normal(size=400)
labels = (target > 1).astype(int)
found = {}
for kind in ("gbdt", "dart", "rf"):
    options = dict(n_estimators=20, verbose=-1, random_state=0, boosting_type=kind, bagging_freq=1, bagging_fraction=0.6)
    for make, y in ((LGBMRegressor, target), (LGBMClassifier, labels)):
        model = make(**options).fit(x, y)
        graph = onnxmltools.convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 5]))], zipmap=False)
        out = onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"x": x})
        own = model.predict(x)
        if make is LGBMRegressor:
            ratio = out[0].ravel() / own
            found[kind, "ratio"] = float(np.median(ratio)), float(np.ptp(ratio))
            print(f"onnxmltools {onnxmltools.__version__} {kind} regression: ONNX over estimator {found[kind, 'ratio'][0]:.4f} in the median, range {found[kind, 'ratio'][1]:.1e}")
        else:
            found[kind, "labels"] = float((out[0] != own).mean())
            print(f"onnxmltools {onnxmltools.__version__} {kind} classification: other labels in {found[kind, 'labels']:.3f} of the rows; accuracy {(own == y).mean():.3f}, ONNX {(out[0] == y).mean():.3f}; first probabilities {model.predict_proba(x)[1].round(3)}, ONNX {out[1][1].round(3)}")
right = all(abs(found[k, "ratio"][0] - 1) < 1e-3 and found[k, "labels"] == 0 for k in ("gbdt", "dart"))
raise SystemExit(0 if right and abs(found["rf", "ratio"][0]) < 0.5 and found["rf", "ratio"][1] < 1e-3 and found["rf", "labels"] > 0.2 else 1)
PY
