#!/usr/bin/env bash
# mord 0.7 with scikit-learn 1.9.1: OrdinalRidge and LAD, ordinal regression by a rounded linear model.
#
# Guess, written before the run: predictions are clipped to the grades of the training rows, so the names of the grades (0 to 4, 1 to 5, -2 to 2) do not
# matter, as for LogisticAT and LogisticIT.
# Seen: the upper end is the largest grade seen and the lower end is always 0. Grades 1 to 5 give predictions of 0, a grade that does not
# exist, and grades -2 to 2 never give a negative one: accuracy falls from .67 to .40. No warning is given, and fit accepts all three.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -m pip install -q --no-deps "mord==0.7"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import mord
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 2))
grades = np.digitize(x[:, 0] + 0.3 * rng.normal(size=300), [-1, -0.3, 0.3, 1])
found = {}
for shift in (0, 1, -2):
    for model in (mord.OrdinalRidge(), mord.LAD(random_state=0), mord.LogisticAT(), mord.LogisticIT()):
        predicted = model.fit(x, grades + shift).predict(x)
        invalid = sorted({int(p) for p in np.unique(predicted)} - set(range(shift, shift + 5)))
        missing = sorted(set(range(shift, shift + 5)) - {int(p) for p in np.unique(predicted)})
        name = type(model).__name__
        found[name, shift] = (predicted == grades + shift).mean(), invalid, missing
        print(f"mord {version('mord')} {name}, grades {shift} to {shift + 4}: accuracy {found[name, shift][0]:.2f}, predicts {invalid or 'nothing'} that does not exist, never {missing or 'misses any'}")
ok = all(found[n, 1][1] == [0] and found[n, -2][2] == [-2, -1] and found[n, -2][0] < found[n, 0][0] - 0.2 for n in ("OrdinalRidge", "LAD"))
ok &= all(found[n, s][1:] == ([], []) and abs(found[n, s][0] - found[n, 0][0]) < 0.02 for n in ("LogisticAT", "LogisticIT") for s in (1, -2))
raise SystemExit(0 if ok else 1)
PY
