#!/usr/bin/env bash
# torch-uncertainty 0.13.0 with torch 2.13.0: ConformalClsTHR and ConformalClsAPS with alpha=.1.
#
# Guess, written before the run: prediction sets cover at least 90 % on average over calibration sets, however small; with fewer than nine rows they hold
# every class. ConformalRegCQR of the same package takes the ceiling of (n + 1) (1 - alpha) scores, as the theory asks.
# Seen: with 10 calibration rows the sets cover 82 %, with 20 rows 85 %, with 5 rows 77 %: the threshold is torch.quantile at 1 - alpha, which interpolates between scores and has no
# correction for n. It is right in the limit, and low wherever labels are few. THR also adds the most probable class to every set, which hides
# part of it. No warning is given. The script steps over the package's __init__, which needs torchvision. Exits non-zero if the behaviour
# changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -m pip install -q --no-deps "torch-uncertainty==0.13.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys
import sysconfig
import types
from importlib.metadata import version

import torch
from torch.utils.data import DataLoader, TensorDataset

for name in ("torch_uncertainty", "torch_uncertainty.post_processing", "torch_uncertainty.post_processing.conformal"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [sysconfig.get_paths()["purelib"] + "/" + name.replace(".", "/")]
sys.modules["torch_uncertainty.post_processing"].TemperatureScaler = None  # only read where enable_ts=True
from torch_uncertainty.post_processing.conformal.aps import ConformalClsAPS
from torch_uncertainty.post_processing.conformal.thr import ConformalClsTHR

found = {}
for kind in (ConformalClsTHR, ConformalClsAPS):
    for rows in (5, 10, 20, 200):
        covered = []
        for seed in range(200):
            torch.manual_seed(seed)
            logits = torch.randn(rows + 200, 10)
            labels = torch.multinomial(logits.softmax(1), 1)[:, 0]
            method = kind(alpha=0.1, model=torch.nn.Identity(), enable_ts=False)
            method.fit(DataLoader(TensorDataset(logits[:rows], labels[:rows]), batch_size=rows))
            covered.append((method(logits[rows:])[torch.arange(200), labels[rows:]] > 0).float().mean().item())
        found[kind, rows] = sum(covered) / 200
        print(f"torch-uncertainty {version('torch-uncertainty')} {kind.__name__}, {rows} calibration rows: the sets cover {found[kind, rows]:.3f} on average of 200 draws, .9 was asked for")
ok = all(found[k, 10] < 0.85 and found[k, 20] < 0.88 and found[k, 200] > 0.885 for k in (ConformalClsTHR, ConformalClsAPS))
raise SystemExit(0 if ok else 1)
PY
