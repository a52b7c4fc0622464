#!/usr/bin/env bash
# torch 2.13.0: the derivative of F.binary_cross_entropy in its target where the probability is exactly 0 or 1.
#
# Guess, written before the run: +-100 there, the slope of the loss, because the logarithms are clamped at -100 as documented.
# Seen: the loss is clamped, its derivative in the target is not: +-infinity. In float32 sigmoid is exactly 1 from a logit of 17 on, so one
# confident prediction makes the gradient of learned labels infinite while the loss and its derivative in the prediction look ordinary. A clipped
# norm of such a gradient is NaN. binary_cross_entropy_with_logits gives minus the logit. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
import torch.nn.functional as F

logits, label = torch.tensor([20.0, -120.0]), torch.tensor([0.9, 0.9], requires_grad=True)
p = logits.sigmoid()
losses = {
    "binary_cross_entropy": lambda t: F.binary_cross_entropy(p, t, reduction="none"),
    "with_logits": lambda t: F.binary_cross_entropy_with_logits(logits, t, reduction="none"),
}
slopes = {}
for name, loss in losses.items():
    (gradient,) = torch.autograd.grad(loss(label).sum(), label)
    difference = (loss(label + 0.05) - loss(label - 0.05)) / 0.1
    slopes[name] = (gradient.tolist(), [round(d, 1) for d in difference.tolist()])
    print(f"torch {torch.__version__} {name} at probabilities {p.tolist()}: loss {loss(label).tolist()}, derivative in the label {gradient.tolist()}, by a difference {difference.tolist()}")
infinite, clamped = slopes["binary_cross_entropy"]
raise SystemExit(0 if infinite == [float("-inf"), float("inf")] and clamped == [-100.0, 100.0] and slopes["with_logits"][0] == [-20.0, 120.0] else 1)
PY
