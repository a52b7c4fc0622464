#!/usr/bin/env bash
# scikit-learn 1.9.1: QuantileTransformer(output_distribution="normal"), the usual preparation of tables for networks, on a column
# where many rows have the same smallest value (counts, amounts, rain).
#
# Guess, written before the run: equal values share the middle of their ranks, so a 0 that 60 % of the rows have becomes about -0.5 (the 30 %
# quantile of the normal distribution).
# Seen: it becomes -5.2, the end of the scale, and the other rows lie above 0.2: the mean of the "normal" column is -2.5 and its
# spread 3.1. A common largest value goes to +5.2. Where the common value is inside the range it does get the middle of its ranks (-0.03
# for a column of changes of both signs). No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import sklearn
from sklearn.preprocessing import QuantileTransformer

rng = np.random.default_rng(0)
zero = rng.random(500) < 0.6
rain = np.where(zero, 0.0, rng.exponential(size=500))
change = np.where(zero, 0.0, rng.normal(size=500))


def transformed(column):
    return QuantileTransformer(n_quantiles=500, output_distribution="normal").fit_transform(column[:, None])[:, 0]


ends = {name: transformed(column) for name, column in {"rain": rain, "-rain": -rain, "change": change}.items()}
for name, z in ends.items():
    print(f"{name}: 0 becomes {z[zero][0]:+.2f}; mean {z.mean():+.2f}, spread {z.std():.2f}")
print("scikit-learn", sklearn.__version__)
right = ends["rain"][zero].max() < -5 and ends["-rain"][zero].min() > 5 and abs(ends["change"][zero]).max() < 0.3
raise SystemExit(0 if right and ends["rain"].mean() < -2 else 1)
PY
