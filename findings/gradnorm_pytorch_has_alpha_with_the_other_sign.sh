#!/usr/bin/env bash
# gradnorm-pytorch 0.2.3 with torch 2.13.0: GradNormLossWeighter(restoring_force_alpha=1.5), which is to let slow tasks catch up.
#
# Expected: the target of a task's gradient length is the mean length times r^alpha, with r the task's remaining share of its
# first loss over the mean share (Chen et al. 2018, equation 2): a task that lags behind gets a larger weight.
# Seen: the target is the mean length times r^(-alpha). Of two tasks with gradients of equal length, the one whose loss has fallen to a tenth gets the
# larger weight and the one that stands still the smaller. With alpha=0 the weights stay equal. No warning is given.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "gradnorm-pytorch==0.2.3"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from gradnorm_pytorch import GradNormLossWeighter
from torch import nn

def weights(alpha):
    shared = nn.Parameter(torch.ones(2))
    weighter = GradNormLossWeighter(num_losses=2, learning_rate=0.05, restoring_force_alpha=alpha, grad_norm_parameters=shared)
    for slow, quick in [(1.0, 1.0)] + [(1.0, 0.1)] * 5:
        value = shared.sum()  # two tasks whose gradients are equal; only the levels of their losses differ
        weighter([value - value.detach() + slow, value - value.detach() + quick])
    return weighter.loss_weights.clone()

def by_the_paper(alpha):
    w = torch.ones(2)
    for ratio in [torch.tensor([1.0, 1.0])] + [torch.tensor([1.0, 0.1])] * 5:
        v = w.clone().requires_grad_()
        norms = v * 2**0.5
        target = (norms.mean() * (ratio / ratio.mean()) ** alpha).detach()
        (slope,) = torch.autograd.grad((norms - target).abs().mean(), v)
        w = w - 0.05 * slope
        w = 2 * w / w.sum()
    return w

print(f"gradnorm-pytorch {version('gradnorm-pytorch')}: a task that stands still and one whose loss has fallen to a tenth")
found = {alpha: weights(alpha) for alpha in (0.0, 1.5)}
for alpha, w in found.items():
    print(f"  alpha {alpha}: weights {[round(v, 4) for v in w.tolist()]}, by the paper {[round(v, 4) for v in by_the_paper(alpha).tolist()]}")
slow, quick = found[1.5].tolist()
paper_slow, paper_quick = by_the_paper(1.5).tolist()
raise SystemExit(0 if slow < 0.95 < 1.05 < quick and paper_slow > 1.05 and abs(slow - paper_quick) < 1e-4 and torch.allclose(found[0.0], torch.ones(2), atol=1e-5) else 1)
PY
