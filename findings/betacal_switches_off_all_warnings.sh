#!/usr/bin/env bash
# betacal 1.1.0 with scikit-learn 1.9.1: BetaCalibration.fit.
#
# Guess, written before the run: fit hides its own warnings at most, and other code warns afterwards as before.
# Seen: fit puts a filter that ignores every warning of every module at the front of the process's list, and leaves it there. What scikit-learn says about a
# model that has not converged, or torch about a deprecated call, is not shown any more in this process, whatever -W or simplefilter said before;
# "error" filters of a test suite stop working too. The documentation does not mention it. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -m pip install -q --no-deps "betacal==1.1.0"
"$folder/env/bin/python" -W error - <<'PY'
from importlib.metadata import version

import numpy as np
from betacal import BetaCalibration
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(0)
x = rng.normal(size=(100, 5))
y = (x[:, 0] + 0.5 * rng.normal(size=100) > 0).astype(int)


def warns():
    try:
        LogisticRegression(max_iter=1).fit(x, y)
    except ConvergenceWarning:
        return True
    return False


found = {"before": warns()}
for parameters in ("abm", "am", "ab"):
    BetaCalibration(parameters).fit(rng.uniform(size=100), y)
    found[parameters] = warns()
for when, answer in found.items():
    print(f"betacal {version('betacal')}, python -W error, {'before' if when == 'before' else 'after fit of ' + when}: scikit-learn's warning about one iteration {'raises' if answer else 'is gone'}")
raise SystemExit(0 if found["before"] and not any(found[p] for p in ("abm", "am", "ab")) else 1)
PY
