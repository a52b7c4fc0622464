#!/usr/bin/env bash
# torch 2.13.0: the forward-mode derivative of F.cross_entropy in its class weights is silently wrong.
#
# Guess, written before the run: it raises, as reverse mode does ("not differentiable with respect to argument 'weight'"),
# or it is right. Seen: forward mode gives exactly 0 for class targets, and with label smoothing the derivative of the
# smoothing part alone. F.nll_loss and F.binary_cross_entropy do the same; F.binary_cross_entropy_with_logits is right. So
# class weights that are tuned by forward mode (jvp, jacfwd: few weights, many parameters) stay where they are, without a warning.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
import torch.nn.functional as F
from torch.func import jvp

torch.manual_seed(0)
x, y = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 2, 1, 1, 2, 0])
t, along = (x > 0).double(), torch.tensor([1.0, -0.5, 0.3], dtype=torch.float64)
w = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
losses = {
    "cross_entropy": lambda w: F.cross_entropy(x, y, weight=w),
    "cross_entropy, smoothed": lambda w: F.cross_entropy(x, y, weight=w, label_smoothing=0.1),
    "binary_cross_entropy": lambda w: F.binary_cross_entropy(x.sigmoid(), t, weight=w),
    "binary_cross_entropy_with_logits": lambda w: F.binary_cross_entropy_with_logits(x, t, weight=w),
}
found = {}
for name, loss in losses.items():
    forward = float(jvp(loss, (w,), (along,))[1])
    difference = float((loss(w + 1e-5 * along) - loss(w - 1e-5 * along)) / 2e-5)
    try:
        torch.autograd.grad(loss(w.clone().requires_grad_()), w)
        reverse = "gives a value"
    except RuntimeError as error:
        reverse = f"raises ({str(error)[:60]}...)"
    found[name] = (forward, difference)
    print(f"torch {torch.__version__} {name}: forward mode {forward:.6f}, difference {difference:.6f}; reverse mode {reverse}")
zero = all(found[n][0] == 0 and abs(found[n][1]) > 0.01 for n in ("cross_entropy", "binary_cross_entropy"))
smoothed, right = found["cross_entropy, smoothed"], found["binary_cross_entropy_with_logits"]
raise SystemExit(0 if zero and abs(smoothed[0] - smoothed[1]) > 0.01 and abs(right[0] - right[1]) < 1e-6 else 1)
PY
