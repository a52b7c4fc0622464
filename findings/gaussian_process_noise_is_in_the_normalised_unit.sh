#!/usr/bin/env bash
# scikit-learn 1.9.1: GaussianProcessRegressor(alpha=..., normalize_y=True), with the known variance of the measurement noise as alpha.
#
# Guess, written before the run: alpha, "the variance of additional Gaussian measurement noise on the training observations", is in the unit of
# the observations, so the result is that of dividing target and noise by the spread oneself.
# Seen: it is added to the kernel after the target was divided by its spread. A noise of 50 on a target of spread 74 counts as one of 3,700:
# the predictions of a sine of height 100 lie within 0.2 of their mean, where they reach 101 by hand. Below a spread of 1 it is the
# other way round, and the process follows the noise. An array of alphas, one per row, does the same. No warning is given. Exits non-zero
# if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import sklearn
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

rng = np.random.default_rng(0)
x, new, noise = rng.uniform(0, 5, (25, 1)), np.linspace(0, 5, 50)[:, None], 50.0
y = 100 * np.sin(x[:, 0]) + noise * rng.normal(size=25)
mean, spread = y.mean(), y.std()
own = GaussianProcessRegressor(RBF(1.0), alpha=noise**2, normalize_y=True, optimizer=None).fit(x, y).predict(new)
rows = GaussianProcessRegressor(RBF(1.0), alpha=np.full(25, noise**2), normalize_y=True, optimizer=None).fit(x, y).predict(new)
by_hand = GaussianProcessRegressor(RBF(1.0), alpha=(noise / spread) ** 2, optimizer=None).fit(x, (y - mean) / spread).predict(new) * spread + mean
print(f"scikit-learn {sklearn.__version__}: predictions within {abs(own - mean).max():.1f} of their mean with normalize_y=True,"
      f" within {abs(by_hand - mean).max():.1f} by hand; the target's spread is {spread:.0f}")
raise SystemExit(0 if abs(own - mean).max() < 5 < 60 < abs(by_hand - mean).max() and np.allclose(own, rows) else 1)
PY
