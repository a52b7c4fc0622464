#!/usr/bin/env bash
# torchcp 1.2.1 with torch 2.13.0: train(..., verbose=False) of the conformal regressors.
#
# Guess, written before the run: verbose=False trains as many epochs as verbose=True, without the progress bar.
# Seen: it trains one epoch, whatever `epochs` says. With epochs=50 the network sees the data 50 times with the bar and once without, and
# its error is 300 times as large. Only the loud branch loops over the epochs. ABS, CQR, CQRM, R2CCP and NorABS share the function, and the
# adaptive predictors (ACI) retrain with verbose=False themselves, so for one epoch each time. The intervals stay valid and
# are as wide as an untrained network makes them. No warning is given. The script steps over the package's __init__, which needs a
# compiler for torchsort. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "tqdm==4.67.1"
"$folder/env/bin/python" -m pip install -q --no-deps "torchcp==1.2.1"
"$folder/env/bin/python" -W ignore - 2>/dev/null <<'PY'
import sys
import sysconfig
import types
from importlib.metadata import version

import torch
from torch.utils.data import DataLoader, TensorDataset

sys.modules["torchcp"] = types.ModuleType("torchcp")
sys.modules["torchcp"].__path__ = [sysconfig.get_paths()["purelib"] + "/torchcp"]
from torchcp.regression.predictor import SplitPredictor
from torchcp.regression.score import ABS

torch.manual_seed(0)
x = torch.randn(400, 3)
y = x @ torch.tensor([1.0, -2.0, 0.5]) + 0.1 * torch.randn(400)
loader = DataLoader(TensorDataset(x, y), batch_size=50)


class Counting(torch.nn.Linear):
    """Linear regression that counts the rows that it is trained on."""

    def __init__(self):
        super().__init__(3, 1)
        self.rows = 0

    def forward(self, x):
        self.rows += len(x) if self.training else 0
        return super().forward(x)


found = {}
for verbose in (True, False):
    torch.manual_seed(1)
    model = Counting()
    predictor = SplitPredictor(ABS(), model, alpha=0.1, device="cpu")
    predictor.train(loader, epochs=50, lr=0.01, verbose=verbose)
    with torch.no_grad():
        error = (model(x)[:, 0] - y).pow(2).mean().item()
    predictor.calibrate(loader)
    found[verbose] = model.rows // len(x), error
    print(f"torchcp {version('torchcp')} epochs=50 verbose={verbose}: {found[verbose][0]} epochs, mean squared error {error:.3f}, intervals {2 * predictor.q_hat.item():.2f} wide")
raise SystemExit(0 if found[True][0] == 50 and found[False][0] == 1 and found[False][1] > 10 * found[True][1] else 1)
PY
