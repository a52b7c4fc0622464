#!/usr/bin/env bash
# torch 2.13.0: torch.compile of a torch.autograd.Function with ctx.set_materialize_grads(False), whose backward is to see None for an output that
# the loss does not use: a fork before several heads that averages the gradients of the heads in use.
#
# Expected: under torch.compile the gradient is the same, as other custom backward functions have it.
# Seen: the backward function gets zeros instead of None, with backend="eager" and "aot_eager". The average then counts heads without a loss: with
# one of four tasks labelled in a batch the trunk's gradient is a quarter of what it is without torch.compile. No warning is given.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch

class Fork(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x.clone(), x.clone(), x.clone(), x.clone()

    @staticmethod
    def backward(ctx, *grads):
        used = [g for g in grads if g is not None]
        return sum(used) / len(used)

def heads(x):
    return tuple((k + 1) * branch for k, branch in enumerate(Fork.apply(x)))

def slope(function, tasks):
    x = torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True)
    losses = [head.sum() for head in function(x)]
    return torch.autograd.grad(sum(losses[k] for k in tasks), x)[0]

print(f"torch {torch.__version__}: four heads k x, the mean of the gradients of the heads in use")
ok = True
for tasks in ((2,), (0, 3), (0, 1, 2, 3)):
    plain = slope(heads, tasks)
    line = f"  loss of the heads {[k + 1 for k in tasks]}: plain {plain.tolist()}"
    for backend in ("eager", "aot_eager"):
        torch._dynamo.reset()
        compiled = slope(torch.compile(heads, backend=backend), tasks)
        line += f", compiled with {backend} {compiled.tolist()}"
        ok &= torch.allclose(plain, torch.full_like(plain, sum(k + 1 for k in tasks) / len(tasks))) and torch.allclose(compiled, plain * len(tasks) / 4)
    print(line)
raise SystemExit(0 if ok else 1)
PY
