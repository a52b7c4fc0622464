#!/usr/bin/env bash
# catboost 1.2.10 with onnxruntime 1.31.1: CatBoostRegressor(loss_function="Poisson" or "Tweedie"), saved by save_model(format="onnx").
#
# Guess, written before the run: the ONNX model gives the estimator's predictions to 1e-4, or it is refused, as models with several outputs are.
# Seen: it gives their logarithms: the exponential, which predict() applies by default for these losses, is not in the graph. Other losses
# of one output are right. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "numpy==2.4.6" "scipy==1.17.1" "pandas==3.1.1" "catboost==1.2.10" "onnx==1.23.2" "onnxruntime==1.31.1"
cd "$folder"
"$folder/env/bin/python" -W ignore - <<'PY'
import catboost
import numpy as np
import onnxruntime

onnxruntime.set_default_logger_severity(4)
rng = np.random.default_rng(0)
x = rng.normal(size=(400, 5)).astype(np.float32)
counts = rng.poisson(np.exp(0.5 * x[:, 0] + 0.3 * x[:, 1])).astype(float)
found = {}
for loss in ("RMSE", "LogCosh", "Poisson", "Tweedie:variance_power=1.5"):
    model = catboost.CatBoostRegressor(iterations=50, depth=3, verbose=0, allow_writing_files=False, loss_function=loss).fit(x, counts)
    model.save_model("model.onnx", format="onnx")
    (out,) = onnxruntime.InferenceSession("model.onnx").run(None, {"features": x})
    own = model.predict(x)
    found[loss] = np.abs(out.ravel() - own).max(), np.abs(out.ravel() - np.log(np.maximum(own, 1e-9))).max()
    print(f"catboost {catboost.__version__} {loss}: mean of the target {counts.mean():.3f}, of predict() {own.mean():.3f}, of the ONNX model {out.mean():.3f}; off by {found[loss][0]:.2g}, from the logarithm by {found[loss][1]:.2g}")
ok = all(found[k][0] < 1e-4 for k in ("RMSE", "LogCosh")) and all(v[0] > 0.3 and v[1] < 1e-4 for k, v in found.items() if k[0] in "PT")
raise SystemExit(0 if ok else 1)
PY
