#!/usr/bin/env bash
# scikit-learn 1.9.1: TargetEncoder(smooth="auto"), the default, on categories with one or two training rows.
#
# Guess, written before the run: an empirical Bayes estimate shrinks a category the more the fewer rows it has, so one with a single row
# comes out near the mean of the target.
# Seen: a category with one row is not shrunk at all: its code is that row's target, here 5.0, where the mean is 0.5. Two rows that
# happen to agree are not shrunk either, two that differ are. The variance within the category, 0 for a single row, stands for the noise. fit_transform hides it during training, because its cross-fitting leaves such rows out; transform gives
# it to new rows. smooth=10 is right. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
import sklearn
from sklearn.preprocessing import TargetEncoder

rng = np.random.default_rng(0)
names = np.array(["many"] * 20 + ["others"] * 20 + ["one"] + ["two, equal"] * 2 + ["two, apart"] * 2)
y = np.r_[rng.normal(size=40), 5.0, 5.0, 5.0, 4.0, 6.0]
codes = {}
for smooth in ("auto", 10.0):
    encoder = TargetEncoder(smooth=smooth, target_type="continuous").fit(names[:, None], y)
    codes[smooth] = dict(zip(encoder.categories_[0].tolist(), encoder.encodings_[0].tolist(), strict=True))
    print(f"smooth={smooth}:", {k: round(v, 2) for k, v in codes[smooth].items()})
mean_of_many = y[:20].mean()
print(f"scikit-learn {sklearn.__version__}: mean of all rows {y.mean():.2f}, of 'many' {mean_of_many:.2f}")
auto = codes["auto"]
right = auto["one"] == auto["two, equal"] == 5.0 and auto["two, apart"] < 4.9 and abs(auto["many"] - mean_of_many) > 0.001
raise SystemExit(0 if right and codes[10.0]["one"] < 1.5 else 1)
PY
