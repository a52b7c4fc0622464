#!/usr/bin/env bash
# torch-uncertainty 0.13.0 with torch 2.13.0 and torchmetrics 1.9.0: AURC and AUGRC, areas under the risk-coverage curve.
#
# Guess, written before the run: rows of equal confidence count as one step of the curve, so the order of the rows does not matter.
# Seen: rows of equal confidence are taken one by one in whatever order the sort leaves them, which is that of the data. A constant classifier with 30 % errors has an AURC
# of .12 where its errors stand first and of .44 where they stand last; averaged over all orders it is .30. Data sorted by class, and probabilities from a
# forest, a tree or a calibration by bins, of which many are equal, are the usual case. A torch sort is not stable, so the number may differ between
# machines too. No warning is given, and the documentation says nothing of ties. The script steps over the package's __init__, which needs
# torchvision. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "torchmetrics==1.9.0" "matplotlib==3.11.2"
"$folder/env/bin/python" -m pip install -q --no-deps "torch-uncertainty==0.13.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys
import sysconfig
import types
from importlib.metadata import version

import torch

for name in ("torch_uncertainty", "torch_uncertainty.metrics", "torch_uncertainty.metrics.classification"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [sysconfig.get_paths()["purelib"] + "/" + name.replace(".", "/")]
from torch_uncertainty.metrics.classification.risk_coverage import AUGRC, AURC

torch.manual_seed(0)
probabilities, labels = torch.tensor([[0.6, 0.4]]).repeat(100, 1), (torch.arange(100) < 30).long()
orders = {"the order of the data": torch.arange(100), "the same rows reversed": torch.arange(99, -1, -1)}
found = {}
for name, metric in (("AURC", AURC), ("AUGRC", AUGRC)):
    for what, order in orders.items():
        value = metric()
        value.update(probabilities[order], labels[order])
        found[name, what] = value.compute().item()
    shuffled = []
    for _ in range(200):
        order, value = torch.randperm(100), metric()
        value.update(probabilities[order], labels[order])
        shuffled.append(value.compute().item())
    a, b = (found[name, what] for what in orders)
    print(f"torch-uncertainty {version('torch-uncertainty')} {name} of a constant classifier, 30 % errors: {a:.3f} in {next(iter(orders))}, {b:.3f} with the rows reversed, {sum(shuffled) / 200:.3f} on average of 200 orders")
raise SystemExit(0 if all(abs(found[n, "the order of the data"] - found[n, "the same rows reversed"]) > 0.1 for n in ("AURC", "AUGRC")) else 1)
PY
