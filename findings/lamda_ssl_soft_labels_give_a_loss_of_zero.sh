#!/usr/bin/env bash
# LAMDA-SSL 1.0.2 with torch 2.13.0 (scikit-learn 1.9.1): its loss Cross_Entropy(use_hard_labels=False), cross-entropy with soft labels, which UDA, ICT,
# MixMatch and FlexMatch take for unlabelled rows.
#
# Expected: minus the sum over classes of target times log-softmax, as torch's cross_entropy of probabilities.
# Seen: the targets are cast to whole numbers first, so every probability below 1 is 0: the loss is exactly 0 and has no gradient. UDA's get_loss, with
# confident pseudo-labels for all unlabelled rows, gives the supervised loss alone. No warning is given. The script stands in for the parts of the
# package that load images and networks, which it does not use. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "scikit-learn==1.9.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import subprocess
import sys
import types
from importlib.metadata import version

subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "LAMDA-SSL==1.0.2"], check=True)
import LAMDA_SSL
import LAMDA_SSL.Base
import torch
from torch import nn
from torch.nn import functional as F

for name, members in (("Base.DeepModelMixin", ("DeepModelMixin",)), ("Base.InductiveEstimator", ("InductiveEstimator",)), ("utils", ("class_status",)), ("Config", ()), ("Config.UDA", ())):
    module = types.ModuleType(f"LAMDA_SSL.{name}")
    module.__dict__.update({m: type(m, (), {}) for m in members})
    module.__getattr__ = lambda attribute: None  # the defaults of the configuration
    sys.modules[module.__name__] = module
    setattr(sys.modules[module.__name__.rpartition(".")[0]], module.__name__.rpartition(".")[2], module)
from LAMDA_SSL.Algorithm.Classification.UDA import UDA
from LAMDA_SSL.Loss.Cross_Entropy import Cross_Entropy

torch.manual_seed(0)
logits = torch.randn(6, 3, requires_grad=True)
soft = torch.softmax(3 * torch.randn(6, 3), dim=1)
own = Cross_Entropy(use_hard_labels=False)(logits, soft)
right = F.cross_entropy(logits, soft)
print(f"LAMDA-SSL {version('LAMDA-SSL')}: cross-entropy with soft labels {float(own.detach()):.4f}, torch's {float(right.detach()):.4f}")
method = object.__new__(UDA)
network = nn.Linear(4, 3)
with torch.no_grad():
    network.weight.mul_(4)
vars(method).update(_network=network, threshold=0.5, T=0.8, lambda_u=1.0, tsa_schedule=None, it_total=50, num_it_total=100, num_classes=3)
x, y, unlabelled = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1]), torch.randn(40, 4)
result = method.train(x, y, (unlabelled, unlabelled + 0.3 * torch.randn(40, 4)))
whole = method.get_loss(result)
(slope,) = torch.autograd.grad(whole, network.weight, retain_graph=True)
(supervised,) = torch.autograd.grad(F.cross_entropy(network(x), y), network.weight)
weak, strong = torch.softmax(result[2].detach(), 1), result[3]
mask = (weak.max(1).values >= 0.5).float()
consistency = float((F.cross_entropy(strong, torch.softmax(result[2].detach() / 0.8, 1), reduction="none") * mask).mean().detach())
print(f"  UDA: {int(mask.sum())} of 40 unlabelled rows are confident, their consistency loss by the formula {consistency:.4f}")
print(f"  UDA: loss {float(whole.detach()):.4f}, supervised loss {float(F.cross_entropy(network(x), y).detach()):.4f}, gradients differ by {float((slope - supervised).abs().max()):.1e}")
raise SystemExit(0 if own == 0 and right > 0.5 and consistency > 0.1 and torch.allclose(slope, supervised, atol=1e-6) else 1)
PY
