#!/usr/bin/env bash
# LAMDA-SSL 1.0.2 with torch 2.13.0 (scikit-learn 1.9.1): MeanTeacher, one step on labelled and unlabelled rows.
#
# Expected: the student is drawn towards the teacher on the unlabelled rows (Tarvainen and Valpola 2017).
# Seen: both sides of the consistency loss are constants, the teacher's because it runs under no_grad and the student's because it is detached. The loss
# has the consistency in its value, but its gradient is that of the labelled rows alone, whatever lambda_u is: the method trains as if there were
# no unlabelled rows. No warning is given. The script stands in for the parts of the package that load images and networks, which it does not use.
# Exits non-zero if the behaviour changes.
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

class KeepNormalisation:  # freezes batch normalisation for unlabelled rows; this network has none
    def freeze_bn(self, network):
        pass

    def unfreeze_bn(self, network):
        pass

class Teacher:  # the average of the student's weights, put in place of them and back
    def __init__(self, network):
        self.network, self.mean = network, [p.detach() + 0.5 * torch.randn_like(p) for p in network.parameters()]

    def apply_shadow(self):
        self.kept = [p.data for p in self.network.parameters()]
        for p, m in zip(self.network.parameters(), self.mean):
            p.data = m

    def restore(self):
        for p, k in zip(self.network.parameters(), self.kept):
            p.data = k

stand_ins = (("Base.DeepModelMixin", ("DeepModelMixin",)), ("Base.InductiveEstimator", ("InductiveEstimator",)), ("utils", ("Bn_Controller",)), ("Config", ()), ("Config.MeanTeacher", ()))
for name, members in stand_ins:
    module = types.ModuleType(f"LAMDA_SSL.{name}")
    module.__dict__.update({m: type(m, (), {}) for m in members})
    module.__getattr__ = lambda attribute: None  # the defaults of the configuration
    sys.modules[module.__name__] = module
    setattr(sys.modules[module.__name__.rpartition(".")[0]], module.__name__.rpartition(".")[2], module)
from LAMDA_SSL.Algorithm.Classification.MeanTeacher import MeanTeacher

torch.manual_seed(0)
network, method = nn.Linear(4, 3), object.__new__(MeanTeacher)
vars(method).update(_network=network, ema=Teacher(network), bn_controller=KeepNormalisation(), warmup=0.4, it_total=90, num_it_total=100)
x, y, unlabelled = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1]), torch.randn(40, 4)
supervised_loss = F.cross_entropy(network(x), y)
(supervised,) = torch.autograd.grad(supervised_loss, network.weight)
print(f"LAMDA-SSL {version('LAMDA-SSL')}, MeanTeacher, supervised loss {float(supervised_loss.detach()):.4f}")
ok = True
for weight in (1.0, 100.0):
    method.lambda_u = weight
    loss = method.get_loss(method.train(x, y, (unlabelled, unlabelled + 0.3 * torch.randn(40, 4))))
    (slope,) = torch.autograd.grad(loss, network.weight)
    print(f"  lambda_u {weight:.0f}: loss {float(loss.detach()):.4f}, its gradient less the supervised one {float((slope - supervised).norm()):.1e}")
    ok &= float((loss - supervised_loss).detach()) > 1e-3 and torch.allclose(slope, supervised, atol=1e-6)
raise SystemExit(0 if ok else 1)
PY
