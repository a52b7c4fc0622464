#!/usr/bin/env bash
# torch 2.13.0: the derivative of F.prelu where its input is exactly zero (empty borders of images, padding, layers that begin at zero).
#
# Guess, written before the run: forward mode and reverse mode take the same slope at a kink, for all activations.
# Seen: relu, leaky_relu, hardtanh, abs, maximum and 40 others do. PReLU has slope 1 in forward mode and its learned slope (.25) in reverse
# mode, so a directional derivative by jvp or jacfwd is not the product with the gradient: .31 against .14 for an image with an empty border.
# Gauss-Newton products, which take one of each, are not symmetric. F.prelu's kink is the one that real inputs meet; torch.fmax and clamp
# with a tensor as bound differ likewise on ties. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
import torch.nn.functional as F

torch.manual_seed(0)
slope, zero = torch.tensor([0.25], dtype=torch.float64), torch.zeros(1, dtype=torch.float64)


def slopes(f):
    return torch.func.jvp(f, (zero,), (torch.ones_like(zero),))[1].item(), torch.func.grad(lambda z: f(z).sum())(zero).item()


both = {"prelu": slopes(lambda z: F.prelu(z, slope)), "leaky_relu": slopes(lambda z: F.leaky_relu(z, 0.25)), "relu": slopes(torch.relu)}
for name, (forward, reverse) in both.items():
    print(f"{name} at 0: slope {forward:.2f} in forward mode, {reverse:.2f} in reverse mode")
net = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3, padding=1, bias=False), torch.nn.PReLU(), torch.nn.Flatten(), torch.nn.Linear(192, 1)).double()
image = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
image[..., 2:6, 2:6] = torch.rand(4, 4, dtype=torch.float64)
way = torch.randn_like(image)
forward = torch.func.jvp(net, (image,), (way,))[1].item()
reverse = (torch.func.grad(lambda x: net(x).sum())(image) * way).sum().item()
print(f"torch {torch.__version__}: along one direction of an image with an empty border {forward:.3f} by forward mode, {reverse:.3f} by reverse mode")
right = both["prelu"] == (1.0, 0.25) and all(both[n][0] == both[n][1] for n in ("leaky_relu", "relu"))
raise SystemExit(0 if right and abs(forward - reverse) > 0.01 else 1)
PY
