#!/usr/bin/env bash
# geomloss 0.3.1 with torch 2.13.0: SamplesLoss("gaussian"), the squared MMD (and "energy" and "laplacian" alike).
#
# Expected: the Hessian by double backward equals the difference of gradients.
# Seen: value and gradient are right and the Hessian is off by a multiple of its own size, without a warning. The loss detaches one
# argument of k(x, x) and doubles the gradient of the other, which is right once: the second backward pass no longer sees
# the detached argument. So a hypergradient that goes through an MMD alignment loss is wrong. Written out, the same loss is right.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "geomloss==0.3.1" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from geomloss import SamplesLoss
from torch.autograd.functional import hessian

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
x, y, blur = torch.randn(5, 2), torch.randn(6, 2), 0.5
loss = SamplesLoss("gaussian", blur=blur, backend="tensorized")

def kernel(a, b):
    return torch.exp(-((a[:, None] - b) ** 2).sum(-1) / (2 * blur**2)).mean()

def written_out(x):
    return kernel(x, x) / 2 + kernel(y, y) / 2 - kernel(x, y)

def gradient(f):
    at = x.clone().requires_grad_()
    return torch.autograd.grad(f(at), at)[0]

theirs, right = hessian(lambda x: loss(x, y), x), hessian(written_out, x)
error = float((theirs - right).norm() / right.norm())
print(f"geomloss {version('geomloss')}: value off by {float(loss(x, y) - written_out(x)):.1e}, gradient by"
      f" {float((gradient(lambda x: loss(x, y)) - gradient(written_out)).norm()):.1e}, Hessian by {error:.2f} of its size")
raise SystemExit(0 if error > 0.5 else 1)
PY
