#!/usr/bin/env bash
# pytorch-tabnet 4.1.0 with torch 2.13.0 (scikit-learn 1.9.1): TabNetRegressor and TabNetClassifier with the defaults of fit on fewer than 1,024
# rows.
#
# Expected: it trains on smaller batches, or refuses, or warns.
# Seen: fit drops the last batch if it is smaller than batch_size=1024, so a table of 300 rows has no batch at all. The epochs pass, the loss in
# the history is 0.0 each time, which reads like a perfect fit, and the weights do not move. With batch_size=256, or drop_last=False, it learns.
# No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "pandas==3.1.1" "pytorch-tabnet==4.1.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import numpy as np
from pytorch_tabnet.tab_model import TabNetRegressor

x = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
y, found = 2 * x[:, :1], {}
for name, options in (("defaults", {}), ("batch_size=256", {"batch_size": 256}), ("drop_last=False", {"drop_last": False})):
    model = TabNetRegressor(verbose=0, seed=0)
    model.fit(x, y, max_epochs=1, **options)
    weights = {k: v.clone() for k, v in model.network.named_parameters()}
    again = TabNetRegressor(verbose=0, seed=0)
    again.fit(x, y, max_epochs=40, **options)
    moved = sum(float((v - weights[k]).detach().abs().sum()) for k, v in again.network.named_parameters())
    r2 = 1 - float(((again.predict(x) - y) ** 2).mean() / y.var())
    found[name] = again.history["loss"], moved, r2
    print(f"pytorch-tabnet, {name}: loss of the epochs {[round(float(v), 3) for v in found[name][0][:3]]} ... {found[name][0][-1]:.3f}; weights moved from epoch 1 to 40 by {moved:.2g}; R2 on the training rows {r2:.2f}")
history, moved, r2 = found["defaults"]
raise SystemExit(0 if not any(history) and moved == 0 and r2 < 0.2 and all(found[n][1] > 1 and found[n][2] > r2 + 0.2 for n in ("batch_size=256", "drop_last=False")) else 1)
PY
