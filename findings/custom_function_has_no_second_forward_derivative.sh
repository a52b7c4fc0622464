#!/usr/bin/env bash
# torch 2.13.0: forward mode over forward mode through an autograd.Function with setup_context, backward and jvp.
#
# Expected: derivatives of a Function with generate_vmap_rule=True equal those of the same formula without it, in every
# order of the modes.
# Seen: reverse over reverse, forward over reverse and reverse over forward give the second derivative; forward over forward
# (jvp of jvp, jacfwd of jacfwd) gives exactly 0, without a warning, as if what the Function saved were
# constants. Operations of torch itself are right in all four orders. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys

import torch
from torch.func import jacfwd, jacrev


class Cube(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * gradient

    @staticmethod
    def jvp(ctx, tangent):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * tangent


x = torch.tensor(2.0)
modes = {"forward": jacfwd, "reverse": jacrev}
found = {}
for outer in modes:
    for inner in modes:
        values = [modes[outer](modes[inner](function))(x).item() for function in (Cube.apply, lambda x: x**3)]
        print(f"{outer} over {inner}: d2/dx2 of x^3 at 2 is {values[0]} by the Function, {values[1]} by the operation")
        found[outer, inner] = values
forward = found.pop(("forward", "forward"))
sys.exit(0 if forward == [0.0, 12.0] and all(values == [12.0, 12.0] for values in found.values()) else 1)
PY
