#!/usr/bin/env bash
# river 0.26.1: utils.Rolling(metrics.RMSLE(), window_size=50), the root mean squared logarithmic error of the last 50 rows.
#
# Guess, written before the run: it equals RMSLE of those rows alone, as Rolling(RMSE()), Rolling(MAPE()) and others do.
# Seen: a complex number with a real part of about 0. RMSLE takes logarithms of what it adds but not of what it takes back, so its sum of squares
# becomes negative, and the root of it imaginary. revert() after update() leaves another value for the same reason. Exits non-zero if the behaviour
# changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "river==0.26.1" "numpy==2.4.6" "scipy==1.17.1" "pandas==3.1.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import river
from river import metrics, utils

rng = np.random.default_rng(0)
y = rng.gamma(2, 1, size=400)
guess = y * np.exp(0.3 * rng.normal(size=400))
found = {}
for make in (metrics.RMSE, metrics.MAPE, metrics.RMSLE):
    rolling, last = utils.Rolling(make(), window_size=50), make()
    for a, b in zip(y.tolist(), guess.tolist()):
        rolling.update(a, b)
    for a, b in zip(y[-50:].tolist(), guess[-50:].tolist()):
        last.update(a, b)
    once = make()
    once.update(1.0, 2.0)
    before = once.get()
    once.update(3.0, 5.0)
    once.revert(3.0, 5.0)
    found[make] = rolling.get(), last.get(), before, once.get()
    print(f"river {river.__version__} {make.__name__}: rolling over 50 rows {found[make][0]:.4f}, of these rows alone {found[make][1]:.4f}; before an update {before:.4f}, after it is reverted {once.get():.4f}")
others = all(abs(found[m][0] - found[m][1]) < 1e-9 and abs(found[m][2] - found[m][3]) < 1e-9 for m in (metrics.RMSE, metrics.MAPE))
raise SystemExit(0 if others and isinstance(found[metrics.RMSLE][0], complex) and abs(found[metrics.RMSLE][0].imag) > 1 else 1)
PY
