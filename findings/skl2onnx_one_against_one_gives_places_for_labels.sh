#!/usr/bin/env bash
# skl2onnx 1.20.0 with scikit-learn 1.9.1, onnxruntime 1.31.1: OneVsOneClassifier on classes that are not 0, 1, 2 (grades from 1, codes).
#
# Guess, written before the run: the labels in the graph are the estimator's.
# Seen: the graph gives the place of the class in the sorted list of classes. For grades 1, 2, 3 all labels are wrong, and two thirds of them
# look like grades. For the classes 0, 1, 2 they are right, which is what a test on iris sees. OneVsRestClassifier gives the labels. No warning
# is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "skl2onnx==1.20.0" "onnx==1.23.2" "onnxruntime==1.31.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import onnxruntime
import skl2onnx

onnxruntime.set_default_logger_severity(4)


def run(model, rows, options=None):
    graph = skl2onnx.to_onnx(model, rows[:1], options=options, target_opset=18)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: rows})


from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier

x, places = make_classification(300, 5, n_informative=3, n_redundant=0, n_classes=3, random_state=0)
x, found = x.astype(np.float32), {}
for estimator in (OneVsOneClassifier, OneVsRestClassifier):
    for classes in ([0, 1, 2], [1, 2, 3], [10, 20, 30]):
        model = estimator(LogisticRegression()).fit(x, np.array(classes)[places])
        labels, own = np.asarray(run(model, x)[0]).ravel(), model.predict(x)
        found[estimator.__name__, tuple(classes)] = (labels == own).mean(), (labels == np.searchsorted(classes, own)).mean()
        print(f"skl2onnx {skl2onnx.__version__} {estimator.__name__} on {classes}: labels {np.unique(labels).tolist()}, equal to the estimator's {found[estimator.__name__, tuple(classes)][0]:.0%}")
ok = all(equal == 1 for (name, _), (equal, _) in found.items() if name == "OneVsRestClassifier")
ok = ok and [found["OneVsOneClassifier", c] for c in ((0, 1, 2), (1, 2, 3), (10, 20, 30))] == [(1, 1), (0, 1), (0, 1)]
raise SystemExit(0 if ok else 1)
PY
