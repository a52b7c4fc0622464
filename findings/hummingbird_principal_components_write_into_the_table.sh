#!/usr/bin/env bash
# hummingbird-ml 0.4.12 with scikit-learn 1.9.1, torch 2.13.0: convert(PCA(2), "pytorch") and transform of a float32 array (FastICA and whitening
# are alike).
#
# Guess, written before the run: transform gives the estimator's components (1e-5) and leaves its input as it was.
# Seen: the first call is right and subtracts the mean from the caller's array in place; a second call on the same rows centres them once more and
# gives other components, and every model that reads the table afterwards gets centred columns. float64 arrays are left alone. No warning is given.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "hummingbird-ml==0.4.12" "onnx==1.16.1" "torch==2.13.0" "numpy==2.4.6" "scikit-learn==1.9.1" "setuptools==80.10.2" "packaging==26.4"
"$folder/env/bin/python" -W ignore - <<'PY'
import warnings
from importlib.metadata import version

warnings.simplefilter("ignore")
import numpy as np
from hummingbird.ml import convert
from sklearn.decomposition import PCA

rng = np.random.default_rng(0)
table = rng.normal(size=(200, 4)) + np.array([0.0, 5.0, 10.0, 0.0])
found = {}
for kind in (np.float32, np.float64):
    x = table.astype(kind)
    pca = PCA(2).fit(x)
    want, model = pca.transform(x), convert(pca, "pytorch", x.copy())
    first = np.abs(model.transform(x) - want).max()
    means = x.mean(0)
    second = np.abs(model.transform(x) - want).max()
    found[kind] = first, second, np.abs(means - table.mean(0)).max()
    print(f"hummingbird-ml {version('hummingbird-ml')} {kind.__name__}: first call off by {first:.1e}, second call on the same array by {second:.3f}; column means after the first {means.round(3).tolist()}, before {table.mean(0).round(3).tolist()}")
raise SystemExit(0 if found[np.float32][0] < 1e-4 and found[np.float32][1] > 1 and found[np.float32][2] > 1 else 1)
PY
