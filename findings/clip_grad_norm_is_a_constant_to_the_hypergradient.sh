#!/usr/bin/env bash
# torch 2.13.0: torch.nn.utils.clip_grad_norm_ and clip_grad_value_ on gradients taken with create_graph=True.
#
# Guess, written before the run: the clipped gradient is differentiable, and its derivative exact.
# Seen: it is differentiable and its derivative is that of the gradient before clipping: both functions change the values in place under
# no_grad, and the graph does not record it. A loss weight that only scales the gradient has no effect on a clipped step;
# its hypergradient is 0.32 here instead of 0, exactly as without clipping. No warning is given. The same formula written out,
# g * min(1, c / |g|), is right. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys

import torch
from torch import nn

torch.manual_seed(0)
start, mix = torch.randn(5).double(), 0.3 * torch.randn(5, 5).double()
direction = torch.arange(5).double()


def by_torch(gradient):
    holder = torch.zeros(5).double()
    holder.grad = gradient
    nn.utils.clip_grad_norm_([holder], 0.5)
    return holder.grad


def written_out(gradient):
    return gradient * (0.5 / (gradient.norm() + 1e-6)).clamp(max=1)


def after_a_step(scale, clip):
    weights = start.clone().requires_grad_()
    loss = scale * torch.tanh(mix @ weights).square().sum()
    (gradient,) = torch.autograd.grad(loss, weights, create_graph=True)
    return (weights - clip(gradient)) @ direction


found = {}
for name, clip in (("not clipped", lambda g: g), ("clip_grad_norm_", by_torch), ("written out", written_out)):
    scale = torch.tensor(2.0).double().requires_grad_()
    (derivative,) = torch.autograd.grad(after_a_step(scale, clip), scale)
    with torch.no_grad():
        at = scale.detach()
    difference = ((after_a_step(at + 1e-5, clip) - after_a_step(at - 1e-5, clip)) / 2e-5).item()
    print(f"{name:16} derivative {derivative.item():.6f}   difference {difference:.6f}")
    found[name] = derivative.item(), difference
plain, torchs, own = (found[name] for name in ("not clipped", "clip_grad_norm_", "written out"))
right = abs(plain[0] - plain[1]) < 1e-6 and abs(own[0] - own[1]) < 1e-6 and abs(torchs[1] - own[1]) < 1e-6
sys.exit(0 if right and abs(torchs[0] - plain[0]) < 1e-9 and abs(torchs[0] - torchs[1]) > 0.1 else 1)
PY
