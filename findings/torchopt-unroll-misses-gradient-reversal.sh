#!/usr/bin/env bash
# torchopt 0.7.3 with torch 2.13.0 (optree 0.20.0, graphviz 0.21, numpy 2.3.3): MetaSGD, two steps, a gradient reversal layer.
#
# Behaviour: the layer stands before the domain's output, as in domain-adversarial training. The derivative of the main loss after two
# differentiable steps, by the weight of the domain's loss, differs from differences of that loss over the same two steps. In the backward pass through the first step the layer's own rule is applied once more, where the values' dependence on the
# parameters is asked for, which is that of the identity. One step, which has no such path, is right. There is no warning.
# Expected: the derivative of what the two steps compute, as for a network without the layer (checked here too).
# Guess before the run: exact for both, since the layer's backward is linear and is itself differentiable.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q torch==2.13.0 torchopt==0.7.3 optree==0.20.0 graphviz==0.21 numpy==2.3.3 2>/dev/null
"$folder/env/bin/python" -W ignore - <<'PYTHON'
import sys

import torch
import torchopt
from torch import nn


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -0.5 * gradient


class Net(nn.Module):
    """A main output, and one for the domain behind the layer."""

    def __init__(self, layer):
        super().__init__()
        torch.manual_seed(0)
        self.trunk, self.layer = nn.Linear(3, 6).double(), layer
        self.main, self.domain = nn.Linear(6, 1).double(), nn.Linear(6, 1).double()

    def forward(self, x):
        hidden = self.trunk(x).tanh()
        return self.main(hidden), self.domain(self.layer(hidden))


torch.manual_seed(1)
x, y, z, vx, vy = (torch.randn(8, n, dtype=torch.float64) for n in (3, 1, 1, 3, 1))


def loss_after(layer, steps, weight):
    """The main loss on other rows after some steps on both losses."""
    net = Net(layer)
    optimizer = torchopt.MetaSGD(net, lr=0.5)
    for _ in range(steps):
        main, domain = net(x)
        optimizer.step((main - y).square().mean() + weight * (domain - z).square().mean())
    return (net(vx)[0] - vy).square().mean()


found = {}
for name, layer in {"identity": nn.Identity(), "reversal": Reverse.apply}.items():
    for steps in (1, 2):
        weight = torch.ones((), dtype=torch.float64, requires_grad=True)
        slope = float(torch.autograd.grad(loss_after(layer, steps, weight), weight)[0])
        ends = [float(loss_after(layer, steps, (weight + sign * 1e-5).detach())) for sign in (1, -1)]
        difference = (ends[0] - ends[1]) / 2e-5
        found[name, steps] = abs(slope - difference) / abs(difference)
        print(f"{name}, {steps} steps: derivative {slope:+.6f}, difference of the same steps {difference:+.6f}")
right = all(found[k] < 1e-6 for k in found if k != ("reversal", 2))
sys.exit(0 if right and found["reversal", 2] > 0.01 else 1)
PYTHON
