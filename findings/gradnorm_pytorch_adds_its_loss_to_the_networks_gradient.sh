#!/usr/bin/env bash
# gradnorm-pytorch 0.2.3 with torch 2.13.0: GradNormLossWeighter(losses), one backward pass for a network with two tasks.
#
# Expected: the network's gradient is that of the weighted sum of the losses; GradNorm's own loss is differentiated
# with respect to the task weights alone, as the paper says (Chen et al. 2018, section 3.2).
# Seen: the gradient of GradNorm's loss with respect to the network is added to .grad as well, a second-order term that the optimiser then
# follows: it drives the network towards places where the tasks' gradients have equal length. Here it is 0.7 times as long as the gradient of
# the losses. With freeze=True it is not there. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "gradnorm-pytorch==0.2.3"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from gradnorm_pytorch import GradNormLossWeighter
from torch import nn

torch.manual_seed(0)
trunk, heads = nn.Linear(3, 4), nn.ModuleList([nn.Linear(4, 1), nn.Linear(4, 1)])
x, targets = torch.randn(20, 3), [torch.randn(20, 1), 10 * torch.randn(20, 1)]
parameters = [*trunk.parameters(), *heads.parameters()]

def losses():
    features = torch.tanh(trunk(x))
    return [(head(features) - y).square().mean() for head, y in zip(heads, targets)]

def gradient(**options):
    for p in parameters:
        p.grad = None
    weighter = GradNormLossWeighter(num_losses=2, learning_rate=0.01, grad_norm_parameters=trunk.weight)
    weighter(losses(), **options)
    return torch.cat([p.grad.flatten() for p in parameters])

plain = torch.cat([g.flatten() for g in torch.autograd.grad(sum(losses()), parameters)])
norms = [torch.autograd.grad(loss, trunk.weight, create_graph=True)[0].norm() for loss in losses()]
mean = (norms[0] + norms[1]).detach() / 2
own = sum((n - mean).abs() for n in norms) / 2
second = torch.cat([torch.zeros_like(p).flatten() if g is None else g.flatten() for p, g in zip(parameters, torch.autograd.grad(own, parameters, allow_unused=True))])
trained, frozen = gradient(), gradient(freeze=True)
print(f"gradnorm-pytorch {version('gradnorm-pytorch')}, weights 1 and 1")
print(f"  norm of the gradient of the sum of losses {float(plain.norm()):.4f}; of GradNorm's own loss in the network {float(second.norm()):.4f}")
print(f"  .grad less the gradient of the losses: {float((trained - plain).norm()):.4f}, with freeze=True {float((frozen - plain).norm()):.1e}")
print(f"  .grad less both gradients: {float((trained - plain - second).norm()):.1e}")
raise SystemExit(0 if torch.allclose(frozen, plain, atol=1e-5) and (trained - plain).norm() > 0.1 and torch.allclose(trained, plain + second, rtol=1e-3, atol=1e-3) else 1)
PY
