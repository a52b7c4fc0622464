#!/usr/bin/env bash
# opacus 1.6.0 with torch 2.13.0: GradSampleModule, the gradients of each sample, of Conv1d and Conv2d with a padding mode other than "zeros".
#
# Guess, written before the run: the sum of grad_sample over the samples equals .grad, or the layer is refused.
# Seen: .grad is right; grad_sample is the gradient of a convolution that pads with zeros, whatever padding_mode says. The two differ by a fifth
# to a half of the gradient. So do per-sample norms, and whatever weighs or clips samples by them. Zero padding, strides, groups and dilation are
# exact. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "opacus==1.6.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from opacus import GradSampleModule, __version__

off = {}
for mode in ("zeros", "reflect", "circular", "replicate"):
    for dimensions, layer in ((1, torch.nn.Conv1d), (2, torch.nn.Conv2d)):
        torch.manual_seed(0)
        net = GradSampleModule(torch.nn.Sequential(layer(4, 4, 3, padding=1, padding_mode=mode), torch.nn.Flatten()), loss_reduction="sum")
        net(torch.randn(3, 4, *[8] * dimensions)).pow(2).sum().backward()
        weight = next(net.parameters())
        off[mode, dimensions] = float((weight.grad_sample.sum(0) - weight.grad).norm() / weight.grad.norm())
    print(f"opacus {__version__} padding_mode={mode}: the per-sample gradients' sum is off by {off[mode, 1]:.2g} (Conv1d) and {off[mode, 2]:.2g} (Conv2d) of the gradient")
raise SystemExit(0 if all((e < 1e-5) if mode == "zeros" else (e > 0.1) for (mode, _), e in off.items()) else 1)
PY
