#!/usr/bin/env bash
# lifelines 0.30.3: BreslowFlemingHarringtonFitter().fit(durations, events, weights=...), a survival curve of weighted rows.
#
# Expected: weights of 1, 2 and 3 give the curve of the rows written once, twice and three times, as they do in
# KaplanMeierFitter and NelsonAalenFitter; the curve is exp of minus Nelson-Aalen's cumulative hazard of the same weights.
# Seen: the curve is that of the rows without their weights: fit() takes `weights` and does not hand them to the Nelson-Aalen fit inside.
# The fitted object has a `weights` attribute, of ones. So weights of rows, for censoring or from a propensity, have no effect. No warning is
# given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "lifelines==0.30.3" "numpy==2.4.6" "scipy==1.16.3" "pandas==2.3.3"
"$folder/env/bin/python" -W ignore - <<'PY'
import lifelines
import numpy as np
from lifelines import BreslowFlemingHarringtonFitter, KaplanMeierFitter, NelsonAalenFitter

rng = np.random.default_rng(0)
time, event, weight = rng.exponential(5, size=40), rng.random(40) < 0.7, rng.integers(1, 4, size=40)
weight[time < 3] = 3
times = [1.0, 3.0, 6.0]
found = {}
for fitter, read in ((KaplanMeierFitter, "survival_function_at_times"), (NelsonAalenFitter, "cumulative_hazard_at_times"), (BreslowFlemingHarringtonFitter, "survival_function_at_times")):
    fits = (fitter().fit(time, event, weights=weight), fitter().fit(np.repeat(time, weight), np.repeat(event, weight)), fitter().fit(time, event))
    found[fitter] = [np.asarray(getattr(fit, read)(times)) for fit in fits] if fitter is not BreslowFlemingHarringtonFitter else [fit.predict(times).to_numpy() for fit in fits]
    print(f"lifelines {lifelines.__version__} {fitter.__name__} at {times}: weighted {found[fitter][0].round(4)}, rows repeated {found[fitter][1].round(4)}, unweighted {found[fitter][2].round(4)}")
weighted, repeated, plain = found[BreslowFlemingHarringtonFitter]
others = [abs(found[f][0] - found[f][1]).max() < 1e-9 for f in (KaplanMeierFitter, NelsonAalenFitter)]
raise SystemExit(0 if all(others) and (weighted == plain).all() and abs(weighted - repeated).max() > 0.02 else 1)
PY
