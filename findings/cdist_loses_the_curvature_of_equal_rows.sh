#!/usr/bin/env bash
# torch 2.13.0: the second derivative of torch.cdist(x, y).square() with more than 25 rows, some of which are in both x and y (the same image or
# row in two sets).
#
# Expected: the Hessian of the squared distance is 2 I for every pair of rows, also where they are equal; with up to 25 rows the double backward
# of cdist is refused.
# Seen: from 26 rows on, where cdist goes by way of a matrix product, it is given and leaves those pairs out: a row with its equal among 30 has
# 58 I instead of 60 I, and the Hessian of a Gaussian kernel has the wrong size or sign there. Values and gradients are right. ((x[:, None] - y)
# ** 2).sum(-1) is right throughout. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
x, found = torch.randn(30, 3), {}
y = torch.cat([x[:10], torch.randn(20, 3) * 2])
functions = {
    "squared distance": lambda square: square.sum(),
    "Gaussian kernel of width 1/2": lambda square: torch.exp(-2 * square).sum(),
}
for name, function in functions.items():
    rows = x[:1].clone().requires_grad_()
    blocks = []
    for square in (lambda a: torch.cdist(a, y).square(), lambda a: (a[:, None] - y).square().sum(-1)):
        value = function(square(rows))
        (slope,) = torch.autograd.grad(value, rows, create_graph=True)
        blocks.append((value.detach(), slope.detach(), torch.stack([torch.autograd.grad(s, rows, retain_graph=True)[0].flatten() for s in slope.flatten()])))
    found[name] = [float((a - b).norm() / b.norm()) for a, b in zip(*blocks)]
    print(f"torch {torch.__version__} {name}: value, gradient and Hessian off by {found[name][0]:.1g}, {found[name][1]:.1g}, {found[name][2]:.2g}; diagonal {blocks[0][2].diagonal().tolist()} instead of {blocks[1][2].diagonal().tolist()}")
refused = False
try:
    (slope,) = torch.autograd.grad(torch.cdist(rows, y[:20]).square().sum(), rows, create_graph=True)
    torch.autograd.grad(slope.sum(), rows)
except (RuntimeError, NotImplementedError):
    refused = True
print(f"with 20 rows the second derivative is refused: {refused}")
raise SystemExit(0 if refused and all(max(f[:2]) < 1e-6 and f[2] > 0.02 for f in found.values()) else 1)
PY
