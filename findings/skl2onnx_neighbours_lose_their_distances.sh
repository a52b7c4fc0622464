#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1, onnxruntime 1.31.1: KNeighborsClassifier(weights="distance").
#
# Guess, written before the run: the probabilities of the ONNX model are the estimator's to 1e-5.
# Seen: they are those of weights="uniform". The weight in the graph is 1 / max(-d, 1e-6), and as -d is negative every neighbour has
# the same weight. About a quarter of the labels differ, without a warning. KNeighborsRegressor does the same; one neighbour
# hides it. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxruntime==1.31.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import onnxruntime
import skl2onnx
from sklearn.neighbors import KNeighborsClassifier

rng = np.random.default_rng(0)
x, y, new = rng.normal(size=(40, 2)).astype(np.float32), rng.integers(0, 3, 40), rng.normal(size=(200, 2)).astype(np.float32)
by_distance = KNeighborsClassifier(4, weights="distance").fit(x, y)
uniform = KNeighborsClassifier(4, weights="uniform").fit(x, y)
graph = skl2onnx.to_onnx(by_distance, x[:1], options={id(by_distance): {"zipmap": False}})
labels, p = onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"X": new})
from_own, from_uniform = (float(np.abs(p - m.predict_proba(new)).max()) for m in (by_distance, uniform))
wrong = float((labels != by_distance.predict(new)).mean())
print(f"skl2onnx {skl2onnx.__version__}: the ONNX model's probabilities are {from_own:.3f} from the estimator's and {from_uniform:.1e}"
      f" from those with uniform weights; {wrong:.0%} of its labels are other ones")
raise SystemExit(0 if from_own > 0.1 and from_uniform < 1e-6 and wrong > 0.1 else 1)
PY
