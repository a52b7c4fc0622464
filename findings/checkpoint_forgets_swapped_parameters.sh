#!/usr/bin/env bash
# torch 2.13.0: a gradient through torch.func.functional_call is silently wrong where the module is checkpointed.
#
# Guess, written before the run: activation checkpointing changes memory and no number, so the gradient at parameters that
# functional_call puts in equals the one without checkpointing to rounding (1e-12 in float64).
# Seen: it is off by 0.3 of its size. The non-reentrant checkpoint computes its part of the forward pass
# again during the backward pass; by then functional_call has returned and the module holds its own parameters again.
# No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" - <<'PY'
import torch
from torch import nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

class Net(nn.Module):
    def __init__(self, use):
        super().__init__()
        torch.manual_seed(0)
        self.use, self.trunk, self.head = use, nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 8)), nn.Linear(8, 1)

    def forward(self, x):
        z = checkpoint(self.trunk, x, use_reentrant=False) if self.use else self.trunk(x)
        return self.head(z.tanh())

def gradient(use):
    net = Net(use).double()
    torch.manual_seed(1)
    x = torch.randn(16, 3, dtype=torch.float64)
    other = {k: (p + 0.5 * torch.randn_like(p)).detach().requires_grad_() for k, p in net.named_parameters()}
    loss = functional_call(net, other, (x,)).square().mean()
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(other.values()))])

plain, saved = gradient(False), gradient(True)
error = float((plain - saved).norm() / plain.norm())
print(f"torch {torch.__version__}: relative difference of the gradient with and without checkpointing: {error:.2g}")
raise SystemExit(0 if error > 1e-3 else 1)
PY
