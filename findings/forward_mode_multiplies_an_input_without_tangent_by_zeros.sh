#!/usr/bin/env bash
# torch 2.13.0: the forward-mode derivative (torch.func.jvp, torch.autograd.forward_ad) of a linear or convolution layer in its weights alone.
#
# Guess, written before the run: it costs two products, the layer and the input times the weights' tangent; an input without tangent adds nothing.
# Seen: three. The zero tangent of the input is multiplied by the weights like any other, so the derivative in one of the two operands costs as much as in both, and
# the first layer of a network, or a linear model on fixed features, is half as dear again as it need be. The product is not skipped in its value either: an infinite
# weight makes the whole tangent NaN, although the input times the weights' tangent does not hold the weight. x * w (elementwise) skips the
# term: its tangent is finite. Counted by the profiler, not by the clock. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - 2>/dev/null <<'PY'
import torch
import torch.autograd.forward_ad as forward_ad
import torch.nn.functional as F
from torch.profiler import ProfilerActivity, profile

torch.manual_seed(0)
products = ("aten::mm", "aten::addmm", "aten::bmm", "aten::mkldnn_convolution", "aten::_slow_conv2d_forward", "aten::thnn_conv2d")
layers = {"linear": (F.linear, torch.randn(64, 32), torch.randn(16, 32)), "conv2d": (F.conv2d, torch.randn(4, 3, 16, 16), torch.randn(8, 3, 3, 3)),
          "elementwise": (torch.mul, torch.randn(4, 3), torch.randn(4, 3))}


def tangent(layer, x, w, both=False):
    with forward_ad.dual_level():
        x = forward_ad.make_dual(x, torch.ones_like(x)) if both else x
        return forward_ad.unpack_dual(layer(x, forward_ad.make_dual(w, torch.ones_like(w)))).tangent


def count(run):
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        run()
    return sum(event.count for event in seen.key_averages() if event.key in products)


found = {}
for name, (layer, x, w) in layers.items():
    w_inf = w.clone()
    w_inf.view(-1)[0] = float("inf")
    counts = [count(run) for run in (lambda: layer(x, w), lambda: tangent(layer, x, w), lambda: tangent(layer, x, w, both=True))]
    found[name] = *counts, tangent(layer, x, w_inf).isnan().sum().item()
    print(f"torch {torch.__version__} {name}: products in the layer {counts[0]}, with a tangent of the weights {counts[1]}, of both {counts[2]}; one infinite weight makes {found[name][3]} entries of the weights' tangent NaN")
ok = all(found[n][:3] == (1, 3, 3) and found[n][3] > 0 for n in ("linear", "conv2d"))
raise SystemExit(0 if ok and found["elementwise"][3] == 0 else 1)
PY
