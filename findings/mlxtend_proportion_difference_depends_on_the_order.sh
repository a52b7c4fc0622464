#!/usr/bin/env bash
# mlxtend 0.25.0: evaluate.proportion_difference, which compares the accuracies of two classifiers ("returns the z-score and the p-value").
#
# Guess, written before the run: the p-value is that of statsmodels' two-sided test without pooling, whichever accuracy is given first.
# Seen: it is the share of the normal distribution below z. Accuracies .90 and .70 on 200 rows each give p = 1.0000 in this order and .0000 in the
# other, and equal accuracies give .5. The two-sided value is 2e-07. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "mlxtend==0.25.0" "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "pandas==3.1.1" "matplotlib==3.11.2"
"$folder/env/bin/python" -W ignore - <<'PY'
import mlxtend
from mlxtend.evaluate import proportion_difference
from scipy.stats import norm

found = {}
for first, second in ((0.9, 0.7), (0.7, 0.9), (0.8, 0.8)):
    z, p = proportion_difference(first, second, n_1=200)
    found[first, second] = float(p)
    print(f"mlxtend {mlxtend.__version__}: accuracies {first} and {second} on 200 rows each: z {z:.3f}, p {p:.7f}, two-sided {2 * norm.sf(abs(z)):.7f}, below z {norm.cdf(z):.7f}")
raise SystemExit(0 if found[0.9, 0.7] > 0.999 and found[0.7, 0.9] < 0.001 and abs(found[0.8, 0.8] - 0.5) < 1e-9 else 1)
PY
