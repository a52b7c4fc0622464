#!/usr/bin/env bash
# torch 2.13.0: torch.func.functional_call inside torch.nn.utils.parametrize.cached(), the context that computes a constrained weight once.
#
# Expected: each call uses the parameters that it is given (several tasks' fast weights of one network with orthogonal or normalised layers).
# Seen: every call after the first one in the context gets the weight made from the first call's parameters. The other calls' outputs are the
# first one's, and their gradients go to the first one's parameters: their own get none. Parameters without a parametrisation (the bias here) are
# each call's own. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from torch.nn.utils import parametrizations, parametrize

torch.manual_seed(0)
layer, x = parametrizations.orthogonal(torch.nn.Linear(3, 3)), torch.randn(2, 3)
tasks = [{name: (p.detach() + 0.3 * torch.randn_like(p)).requires_grad_() for name, p in layer.named_parameters()} for _ in range(2)]
name = "parametrizations.weight.original"
apart = [torch.func.functional_call(layer, task, (x,)) for task in tasks]
with parametrize.cached():
    together = [torch.func.functional_call(layer, task, (x,)) for task in tasks]
off = [float((a - b).abs().max()) for a, b in zip(apart, together)]
own, other, bias = torch.autograd.grad(together[1].pow(3).sum(), [tasks[1][name], tasks[0][name], tasks[1]["bias"]], allow_unused=True)
print(f"torch {torch.__version__}: the first call is {off[0]:.0e} off, the second {off[1]:.3f}; the second's gradient in its own weight: {own}, in the first task's: {float(other.norm()):.3f}, in its bias: {float(bias.norm()):.3f}")
raise SystemExit(0 if off[0] < 1e-6 and off[1] > 0.05 and own is None and other is not None else 1)
PY
