#!/usr/bin/env bash
# pygam 0.12.0: LogisticGAM, LinearGAM and PoissonGAM, statistics_["pseudo_r2"]["McFadden"].
#
# Expected: McFadden's pseudo R2 is 1 - log likelihood / log likelihood of the constant: 0 for a feature that says
# nothing, near 1 for one that says all, and for labels of 0 and 1 it equals the explained deviance, which stands beside it.
# Seen: it is the ratio itself, without "1 -": 1.00 for noise, .63 for a good feature and .22 for a very good one. The explained deviance and the
# adjusted McFadden of the same dictionary are right. So a choice between models by it takes the worst. No warning is given. Exits non-zero
# if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "pygam==0.12.0" "numpy==2.4.6" "scipy==1.16.3"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
from pygam import LogisticGAM, l

rng = np.random.default_rng(0)
x = rng.normal(size=(400, 1))
found = []
for slope in (0.0, 2.0, 8.0):
    y = (rng.random(400) < 1 / (1 + np.exp(-slope * x[:, 0]))).astype(int)
    statistics = LogisticGAM(l(0, lam=1e-6)).fit(x, y).statistics_
    rate = y.mean()
    constant = 400 * (rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    formula = 1 - float(statistics["loglikelihood"]) / constant
    r2 = {name: float(value) for name, value in statistics["pseudo_r2"].items()}
    print(f"pygam {version('pygam')}, slope {slope}: 1 - log likelihood / that of the constant {formula:.3f}; pygam's {({k: round(v, 3) for k, v in r2.items()})}")
    found.append((r2["McFadden"], r2["explained_deviance"], formula))
right = all(abs(mcfadden - (1 - formula)) < 1e-3 and abs(deviance - formula) < 1e-3 for mcfadden, deviance, formula in found)
raise SystemExit(0 if right and found[0][0] > 0.95 and found[2][0] < 0.4 else 1)
PY
