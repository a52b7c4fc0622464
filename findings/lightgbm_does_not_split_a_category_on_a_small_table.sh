#!/usr/bin/env bash
# lightgbm 4.7.0 (scikit-learn 1.9.1, pandas 3.1.1): a categorical column that decides the target, on tables of up to 199 rows.
#
# Guess, written before the run: five values with 30 rows each are split well (R2 above .9): a leaf needs 20 rows.
# Seen: R2 is exactly 0, and .99 with the same column one-hot or as numbers. Each side of a categorical split needs
# min_data_per_group = 100 rows, so no table of fewer than 200 rows can be split on a category, however clear it is; with 60 rows per value
# R2 is .99. It is documented as the "minimal number of data per categorical group", and yet twenty values with 30 rows each are
# split well. The log says only "No further splits with positive gain". min_data_per_group=10 is right. Exits non-zero if that changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "lightgbm==4.7.0" "pandas==3.1.1" "scikit-learn==1.9.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import lightgbm
import numpy as np
import pandas as pd
from sklearn.metrics import r2_score

rng = np.random.default_rng(0)


def scores(values, rows, **options):
    code = np.repeat(np.arange(values), rows)
    y = rng.permutation(values)[code] + 0.1 * rng.normal(size=len(code))
    kinds = {"category": pd.DataFrame({"c": pd.Categorical(code)}), "one-hot": pd.DataFrame(np.eye(values)[code]).add_prefix("c")}
    found = {kind: r2_score(y, lightgbm.LGBMRegressor(verbose=-1, **options).fit(x, y).predict(x)) for kind, x in kinds.items()}
    print(f"{values} values x {rows} rows {options}:", {kind: round(r2, 3) for kind, r2 in found.items()})
    return found


print("lightgbm", lightgbm.__version__)
small, more, many = scores(5, 30), scores(5, 60), scores(20, 30)
right = abs(small["category"]) < 1e-9 and small["one-hot"] > 0.9 and more["category"] > 0.9 and many["category"] > 0.9
raise SystemExit(0 if right and scores(5, 30, min_data_per_group=10)["category"] > 0.9 else 1)
PY
