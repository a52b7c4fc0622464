#!/usr/bin/env bash
# pytorch-adapt 0.0.83 with torch 2.13.0, pytorch-metric-learning 1.6.3, torchmetrics 1.9.0: layers.VATLoss (virtual adversarial training) after a
# backward pass of the labelled rows' loss, the gradients of both to be added up before the optimiser's step.
#
# Expected: computing the loss leaves .grad alone; its own backward pass adds to it.
# Seen: computing the loss calls the network's zero_grad(), so the gradient of the labelled rows is gone and the step follows the unlabelled rows
# alone. It also sets batch normalisation to training in a network that was in evaluation. No warning is given.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "tqdm==4.67.1" "torchmetrics==1.9.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import subprocess
import sys
from importlib.metadata import version

subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "pytorch-adapt==0.0.83", "pytorch-metric-learning==1.6.3"], check=True)
import torch
from pytorch_adapt.layers import VATLoss
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))
x, y, unlabelled = torch.randn(10, 4), torch.randint(0, 3, (10,)), torch.randn(30, 4)
weight = network[0].weight
F.cross_entropy(network(x), y).backward()
supervised = weight.grad.clone()
loss = VATLoss()(unlabelled, network(unlabelled), network)
left = None if weight.grad is None else float(weight.grad.norm())
(own,) = torch.autograd.grad(loss, weight, retain_graph=True)
loss.backward()
print(f"pytorch-adapt {version('pytorch-adapt')}: gradient of the labelled rows {float(supervised.norm()):.4f}, after VATLoss is computed {left}")
print(f"  after its backward pass .grad has length {float(weight.grad.norm()):.4f}, the VAT loss alone {float(own.norm()):.4f}, the sum {float((own + supervised).norm()):.4f}")
network.eval()
VATLoss()(unlabelled, network(unlabelled), network)
print(f"  network in evaluation: {not network.training}; its batch normalisation after VATLoss in training: {network[1].training}")
raise SystemExit(0 if left is None and network[1].training and not network.training else 1)
PY
