#!/usr/bin/env bash
# torch 2.13.0, torch.autograd.function.once_differentiable.
# Behaviour: a second derivative through a sum of paths, one of which is a Function marked once_differentiable, silently
# leaves that path's term out: y = Once(x) + x^3 with Once(x) = x^3 gives d2y/dx2 = 12 instead of 24 at x = 2.
# Expected: the documented error "trying to differentiate twice a function that was marked with @once_differentiable";
# it comes only through `backward()`, since `autograd.grad` runs no node that does not lead to the input it is asked for.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q "torch==2.13.0" numpy
"$folder/venv/bin/python" - <<'PY'
import sys
import torch
from torch.autograd.function import once_differentiable

class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 3 * x**2

x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
(slope,) = torch.autograd.grad(Once.apply(x) + x**3, x, create_graph=True)
try:
    (second,) = torch.autograd.grad(slope, x, retain_graph=True)
    print(torch.__version__, "autograd.grad gives", float(second), "where the second derivative is 24")
except RuntimeError as error:
    print("autograd.grad raises:", error)
    sys.exit(1)
try:
    slope.backward()
    print("backward() raises nothing")
except RuntimeError as error:
    print("backward() raises:", error)
sys.exit(0 if float(second) == 12.0 else 1)
PY
