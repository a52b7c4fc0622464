#!/usr/bin/env bash
# hummingbird-ml 0.4.12 with scikit-learn 1.9.1, torch 2.13.0: convert(LogisticRegression(), "pytorch") of three classes.
#
# Guess, written before the run: predict_proba of the converted model is the estimator's (1e-5), as with two classes.
# Seen: it is off by up to .5. The estimator takes a softmax, and the converted model a sigmoid of each class's score, divided by their sum;
# probabilities of sure rows come out near .5. Labels are the same, so a test of predict passes. LogisticRegressionCV is alike. No warning is given.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "hummingbird-ml==0.4.12" "onnx==1.16.1" "torch==2.13.0" "numpy==2.4.6" "scikit-learn==1.9.1" "setuptools==80.10.2" "packaging==26.4"
"$folder/env/bin/python" -W ignore - <<'PY'
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
import numpy as np
from hummingbird.ml import convert
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 4)).astype(np.float32)
score = x[:, 0] + 0.3 * rng.normal(size=300)
off = {}
for name, edges in (("two", [0]), ("three", [-0.5, 0.5])):
    y = np.digitize(score, edges)
    for make in (LogisticRegression, LogisticRegressionCV):
        estimator = make().fit(x, y)
        model = convert(estimator, "pytorch")
        got, want = model.predict_proba(x), estimator.predict_proba(x)
        one = 1 / (1 + np.exp(-estimator.decision_function(x)))
        rest = np.abs(got - one / one.sum(1, keepdims=True)).max() if name == "three" else np.nan
        off[name, make] = np.abs(got - want).max(), rest, (model.predict(x) == estimator.predict(x)).mean()
        print(f"hummingbird-ml {version('hummingbird-ml')} {make.__name__}, {name} classes: probabilities off by up to {off[name, make][0]:.4f}, from sigmoids over their sum {rest:.1e}, labels equal {off[name, make][2]:.3f}")
two = all(off["two", make][0] < 1e-5 for make in (LogisticRegression, LogisticRegressionCV))
raise SystemExit(0 if two and all(off["three", make][0] > 0.2 and off["three", make][1] < 1e-4 for make in (LogisticRegression, LogisticRegressionCV)) else 1)
PY
