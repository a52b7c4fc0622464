#!/usr/bin/env bash
# uncertainty-toolbox 0.1.1: get_quantile_recalibrator, isotonic recalibration of a Gaussian forecast's quantiles.
#
# Guess, written before the run: a forecast that is one standard deviation too low gets its median raised by about that one, and the share of rows
# below each recalibrated quantile is near the quantile.
# Seen: the median is lowered by one. The share of rows below it falls from .16 to .02, and of rows below the 90 % quantile from .61 to .23; those
# are the rows the recalibrator was fitted on. The share of rows under a quantile is counted with prediction minus truth in the place of truth
# minus prediction, so for prop_type="quantile" the curve is mirrored. Symmetric errors hide it, and prop_type="interval" does not see
# the sign. The same mirrored shares are what the calibration metrics of prop_type="quantile" report and plot. No warning is given. Exits non-zero if the
# behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "matplotlib==3.11.2" "shapely==2.1.2" "tqdm==4.67.1"
"$folder/env/bin/python" -m pip install -q --no-deps "uncertainty-toolbox==0.1.1"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
import uncertainty_toolbox as uct

rng = np.random.default_rng(0)
mean = rng.normal(size=2000)
std, truth = np.ones(2000), mean + 1 + rng.normal(size=2000)
recalibrate = uct.recalibration.get_quantile_recalibrator(mean, std, truth)
expected, observed = uct.get_proportion_lists_vectorized(mean, std, truth, prop_type="quantile")
found = {}
for q in (0.1, 0.5, 0.9):
    before, after = uct.metrics_calibration.get_quantile(mean, std, q), recalibrate(mean, std, q)
    reported = np.interp(q, expected, observed)
    found[q] = (truth <= before).mean(), (truth <= after).mean(), reported, (after - before).mean()
    print(f"uncertainty-toolbox {version('uncertainty-toolbox')} quantile {q}: rows below {found[q][0]:.3f} before, {found[q][1]:.3f} after a move of {found[q][3]:+.2f}; the toolbox reports {reported:.3f} before")
ok = all(abs(after - q) > abs(before - q) for q, (before, after, _, _) in found.items()) and found[0.5][3] < -0.9
raise SystemExit(0 if ok and abs(found[0.5][2] - (1 - found[0.5][0])) < 0.02 else 1)
PY
