#!/usr/bin/env bash
# lightgbm 4.7.0 (scikit-learn 1.9.1, pandas 3.1.1): a categorical column of numbers in training, and of the same numbers as text at prediction.
#
# Expected: refused, as a category that pandas, XGBoost or CatBoost do not find, or read as the same category.
# Seen: every row is taken for missing. A column of codes that one file holds as 1, 2, 3 and another (JSON, a form, a column with one letter in
# it) as "1", "2", "3" gives predictions as if the column were not there: a correlation of 1.00 with the target becomes 0. Floats and nullable
# integers are matched. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "lightgbm==4.7.0" "scikit-learn==1.9.1" "pandas==3.1.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import lightgbm
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
code = rng.integers(1, 5, 600)
y = code**2 + rng.normal(size=600) * 0.1
model = lightgbm.LGBMRegressor(verbose=-1, n_jobs=1, n_estimators=30).fit(pd.DataFrame({"code": pd.Categorical(code), "noise": rng.random(600)}), y)
noise, fit = rng.random(600), {}
for name, column in {"int": code, "float": code.astype(float), "Int64": pd.array(code, dtype="Int64"), "text": code.astype(str), "missing": [None] * 600}.items():
    fit[name] = model.predict(pd.DataFrame({"code": pd.Categorical(column), "noise": noise}))
for name, predicted in fit.items():
    print(f"lightgbm {lightgbm.__version__} trained on ints, predicting from {name}: correlation with the target {np.corrcoef(predicted, y)[0, 1]:.3f}")
same = all((fit[name] == fit["int"]).all() for name in ("float", "Int64"))
raise SystemExit(0 if same and (fit["text"] == fit["missing"]).all() and np.corrcoef(fit["int"], y)[0, 1] > 0.99 and abs(np.corrcoef(fit["text"], y)[0, 1]) < 0.2 else 1)
PY
