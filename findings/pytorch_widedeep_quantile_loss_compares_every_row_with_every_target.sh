#!/usr/bin/env bash
# pytorch-widedeep 1.7.0 with torch 2.13.0: losses.QuantileLoss, quantile regression on a table.
#
# Guess, written before the run: the mean over rows and quantiles of the pinball loss of each row's prediction and its own target.
# Seen: each prediction is compared with the targets of ALL rows: targets of shape (rows, 1) less predictions of shape (rows,) give a square. The
# best prediction is then the same for every row, the quantile of all targets, and perfect predictions do not have the loss 0. A linear model on
# y = 3x learns a slope of about 0. No warning is given. The script loads the module of the losses on its own, because all of the package needs
# torchvision. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import importlib.util
import subprocess
import sys
import types
import typing
from importlib.metadata import distribution, version

subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "pytorch-widedeep==1.7.0"], check=True)
import torch
from torch import nn

names = types.ModuleType("pytorch_widedeep.wdtypes")  # the names of types that the losses import
names.__dict__.update({n: getattr(typing, n) for n in ("List", "Tuple", "Union", "Literal", "Optional")} | {"Tensor": torch.Tensor})
sys.modules["pytorch_widedeep.wdtypes"] = names
spec = importlib.util.spec_from_file_location("losses", distribution("pytorch-widedeep").locate_file("pytorch_widedeep/losses.py"))
losses = importlib.util.module_from_spec(spec)
spec.loader.exec_module(losses)

quantiles = [0.25, 0.5, 0.75]
loss = losses.QuantileLoss(quantiles)

def pinball(prediction, y):
    return torch.stack([torch.maximum(q * (y[:, 0] - prediction[:, k]), (q - 1) * (y[:, 0] - prediction[:, k])) for k, q in enumerate(quantiles)]).mean()

torch.manual_seed(0)
x = torch.linspace(-1, 1, 64)[:, None]
y = 3 * x
perfect = y.repeat(1, 3)
median = y.quantile(torch.tensor(quantiles)).repeat(64, 1)
print(f"pytorch-widedeep {version('pytorch-widedeep')}, y = 3x on 64 rows")
print(f"  loss of perfect predictions: QuantileLoss {float(loss(perfect, y)):.4f}, pinball loss {float(pinball(perfect, y)):.4f}")
print(f"  loss of the same three quantiles for every row: QuantileLoss {float(loss(median, y)):.4f}, pinball loss {float(pinball(median, y)):.4f}")
slopes = []
for criterion in (loss, pinball):
    torch.manual_seed(0)
    model = nn.Linear(1, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
    slopes.append(float(model.weight[1]))
print(f"  slope of the median of a linear model: trained with QuantileLoss {slopes[0]:.2f}, with the pinball loss {slopes[1]:.2f}")
raise SystemExit(0 if loss(perfect, y) > 0.5 and loss(median, y) < loss(perfect, y) and pinball(perfect, y) == 0 and abs(slopes[0]) < 0.6 and abs(slopes[1] - 3) < 0.3 else 1)
PY
