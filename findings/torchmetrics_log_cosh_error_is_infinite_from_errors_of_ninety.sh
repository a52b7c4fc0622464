#!/usr/bin/env bash
# torchmetrics 1.9.0 with torch 2.13.0: LogCoshError, a regression metric that is meant to be robust to large errors.
#
# Guess, written before the run: an error of 100 counts as log(cosh(100)) = 100 - log(2), whatever the type.
# Seen: it is infinite in float32 from an error of 90 on, because cosh itself overflows, so the mean over all rows is infinite too: one row with a
# price, a year or a temperature in kelvin off by 90 is enough. In float64 it happens from 711 on. No warning is given. Exits non-zero if the
# behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "torchmetrics==1.9.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import math

import torch
import torchmetrics
from torchmetrics.regression import LogCoshError, MeanAbsoluteError

found = {}
for kind, sizes in ((torch.float32, (10.0, 80.0, 100.0)), (torch.float64, (100.0, 700.0, 800.0))):
    for size in sizes:
        metric = LogCoshError().set_dtype(kind)
        predicted = torch.zeros(1000, dtype=kind)
        predicted[0] = size
        metric.update(predicted, torch.zeros(1000, dtype=kind))
        found[kind, size] = float(metric.compute())
        mae = MeanAbsoluteError()(predicted, torch.zeros(1000, dtype=kind))
        print(f"torchmetrics {torchmetrics.__version__} {kind}, one error of {size:.0f} in 1,000 rows: {found[kind, size]:.5f}, exact {(size - math.log(2)) / 1000:.5f}, mean absolute error {float(mae):.5f}")
infinite = {key for key, value in found.items() if math.isinf(value)}
raise SystemExit(0 if infinite == {(torch.float32, 100.0), (torch.float64, 800.0)} else 1)
PY
