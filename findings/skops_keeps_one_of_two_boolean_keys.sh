#!/usr/bin/env bash
# skops 0.16.0 with scikit-learn 1.9.1: dumps and loads of an estimator with a dictionary whose keys are True and False, such as class_weight.
#
# Guess, written before the run: dictionaries come back equal, whatever simple keys they have, or the file is refused, as for keys that are tuples.
# Seen: {False: 1, True: 5} comes back as {True: 5}: both keys are written as text, and every text is true. So the weight of one class is gone, and
# fitting the loaded estimator again (cross-validation, more rows) gives another model. Keys that are numbers come back right, except
# that 1 and "1" in one dictionary become one key. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "skops==0.16.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import skops
import skops.io
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 3))
y = x[:, 0] + rng.normal(size=300) > 0.5  # labels True and False
found = {}
for weights in ({False: 1.0, True: 5.0}, {False: 5.0, True: 1.0}, {0: 1.0, 1: 5.0}, {0.5: 1, 1.5: 2}, {1: "a", "1": "b"}):
    model = LogisticRegression(class_weight=weights)
    loaded = skops.io.loads(skops.io.dumps(model))
    found[str(weights)] = loaded.class_weight == weights
    print(f"skops {skops.__version__}: {weights} comes back as {loaded.class_weight}")
    if all(type(k) is bool for k in weights):
        share = [float(m.fit(x, y).predict(x).mean()) for m in (model, loaded)]
        print(f"  fitted again, rows called True: {share[0]:.3f} as written, {share[1]:.3f} as loaded")
raise SystemExit(0 if list(found.values()) == [False, False, True, True, False] else 1)
PY
