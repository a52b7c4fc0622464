#!/usr/bin/env bash
# torch-uncertainty 0.13.0 with torch 2.13.0: CrossEntropyMaxSupLoss(max_sup=..., weight=..., reduction=...).
#
# Guess, written before the run: with max_sup near 0 it is torch's weighted cross-entropy (as it is at 0), for every reduction.
# Seen: the weights [1, 0, 0], which take two classes out, take nothing out: every row has the same factor, the mean of the weights, whatever its class,
# so the network goes on learning the classes of weight 0. The mean cross-entropy of the batch is repeated for every row, and every class is weighted:
# reduction="none" gives equal numbers (with weights a table of rows by classes), so a sample's own loss cannot be read from it. max_sup=0
# is right, so a sweep over max_sup changes the loss at its first step. No warning is given. The script loads the package's file on
# its own, because all of it needs torchvision. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -m pip install -q --no-deps "torch-uncertainty==0.13.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import importlib.util
import sysconfig
from importlib.metadata import version

import torch

spec = importlib.util.spec_from_file_location("classification", sysconfig.get_paths()["purelib"] + "/torch_uncertainty/losses/classification.py")
losses = importlib.util.module_from_spec(spec)
spec.loader.exec_module(losses)
torch.manual_seed(0)
logits, labels, weight = torch.randn(6, 3), torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([1.0, 0.0, 0.0])
found = {}
for strength in (0.0, 1e-9):
    z = logits.clone().requires_grad_()
    value = losses.CrossEntropyMaxSupLoss(max_sup=strength, weight=weight)(z, labels)
    lengths = torch.autograd.grad(value, z)[0].norm(dim=1)
    plain = [losses.CrossEntropyMaxSupLoss(max_sup=strength, reduction=r)(logits, labels) for r in ("mean", "sum", "none")]
    found[strength] = value.item(), lengths[2:].max().item(), plain[1].item(), tuple(plain[2].shape), plain[2].std().item()
    print(f"torch-uncertainty {version('torch-uncertainty')} max_sup={strength}: weighted loss {value:.4f}, longest gradient of a row of weight 0 {lengths[2:].max():.4f}; without weights mean {plain[0]:.4f}, sum {plain[1]:.4f}, per row {tuple(plain[2].shape)} with a deviation of {plain[2].std():.4f}")
expected = torch.nn.functional.cross_entropy(logits, labels, weight=weight).item()
print(f"torch's weighted cross-entropy: {expected:.4f}")
zero, small = found[0.0], found[1e-9]
ok = abs(zero[0] - expected) < 1e-6 and zero[1] == 0 and zero[4] > 0.1
raise SystemExit(0 if ok and abs(small[0] - expected) > 0.5 and small[1] > 0.01 and small[4] < 1e-6 else 1)
PY
