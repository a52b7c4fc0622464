#!/usr/bin/env bash
# pytorch-widedeep 1.7.0 with torch 2.13.0: losses.FocalLoss(alpha=..., gamma=...) for a binary target, where alpha weighs the rare class.
#
# Guess, written before the run: the loss of Lin et al. (2017): alpha weighs the rows of class 1 and 1 - alpha those of class 0.
# Seen: alpha has no effect. The loss is taken for both columns p and 1 - p, one with the weight alpha and the other with 1 - alpha, so every row has
# the weight 1 whatever its class and alpha; half of the sum is returned. The default alpha=0.25, 0.5 and 0.99 give the same loss and gradient. No
# warning is given. The script loads the module of the losses on its own, because all of the package needs torchvision.
# Exits non-zero if the behaviour changes.
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

names = types.ModuleType("pytorch_widedeep.wdtypes")  # the names of types that the losses import
names.__dict__.update({n: getattr(typing, n) for n in ("List", "Tuple", "Union", "Literal", "Optional")} | {"Tensor": torch.Tensor})
sys.modules["pytorch_widedeep.wdtypes"] = names
spec = importlib.util.spec_from_file_location("losses", distribution("pytorch-widedeep").locate_file("pytorch_widedeep/losses.py"))
losses = importlib.util.module_from_spec(spec)
spec.loader.exec_module(losses)

torch.manual_seed(0)
logits, labels = torch.randn(50, 1), (torch.arange(50) < 5).long()[:, None]

def by_the_paper(z, alpha, gamma=1.0):
    p = torch.sigmoid(z)
    pt, weight = torch.where(labels == 1, p, 1 - p), torch.where(labels == 1, alpha, 1 - alpha)
    return (-weight * (1 - pt) ** gamma * pt.log()).mean()

def single(z, gamma=1.0):
    p = torch.sigmoid(z)
    pt = torch.where(labels == 1, p, 1 - p)
    return ((1 - pt) ** gamma * -pt.log()).mean() / 2

print(f"pytorch-widedeep {version('pytorch-widedeep')}, 5 rows of class 1 and 45 of class 0")
found, papers = [], []
for alpha in (0.25, 0.5, 0.99):
    found.append(float(losses.FocalLoss(alpha=alpha, gamma=1.0)(logits, labels)))
    papers.append(float(by_the_paper(logits, alpha)))
    print(f"  alpha {alpha}: FocalLoss {found[-1]:.6f}, by the paper {papers[-1]:.6f}")
print(f"  half the focal loss without alpha: {float(single(logits)):.6f}")
raise SystemExit(0 if max(found) - min(found) < 1e-6 and abs(found[0] - float(single(logits))) < 1e-6 and max(papers) > 2 * min(papers) else 1)
PY
