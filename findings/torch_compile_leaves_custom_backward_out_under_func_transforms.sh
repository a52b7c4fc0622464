#!/usr/bin/env bash
# torch 2.13.0: torch.compile of a function that takes torch.func.grad (or vmap, vjp, jvp) through a torch.autograd.Function with setup_context.
#
# Guess, written before the run: the compiled function gives what the function gives without torch.compile, or is refused.
# Seen: the Function's own backward (and jvp) is left out. Under torch.func.grad a gradient reversal does not reverse and rounding has no
# straight-through gradient; a backward pass through a compiled torch.func.vmap misses the reversal too. It is so with backend="eager" and
# "aot_eager", and with fullgraph=True. The same Function is right under torch.compile where the gradient is taken by autograd, and under
# torch.func.grad without torch.compile. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch

class Reverse(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad):
        return -grad

class Round(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x.round()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad):
        return grad

def reversed_sine(x):
    return Reverse.apply(x).sin().sum()

def rounded(x):
    return (3 * Round.apply(x)).sum()

def rows(x):
    return torch.func.vmap(reversed_sine)(x).sum()

x = torch.tensor([0.3, 1.2, -2.4], dtype=torch.float64)
print(f"torch {torch.__version__} at {x.tolist()}")
ok = True
for backend in ("eager", "aot_eager"):
    options = {"backend": backend, "fullgraph": True}
    leaf = x.clone().requires_grad_()
    (by_autograd,) = torch.autograd.grad(torch.compile(reversed_sine, **options)(leaf), leaf)
    plain = torch.func.grad(reversed_sine)(x)
    compiled = torch.compile(torch.func.grad(reversed_sine), **options)(x)
    print(f"  {backend}, reversal before a sine, -cos(x): compiled, by autograd {by_autograd.tolist()}")
    print(f"    torch.func.grad {plain.tolist()}, the same compiled {compiled.tolist()}")
    ok &= torch.allclose(by_autograd, -x.cos()) and torch.allclose(plain, -x.cos()) and torch.allclose(compiled, x.cos())
    straight, lost = torch.func.grad(rounded)(x), torch.compile(torch.func.grad(rounded), **options)(x)
    print(f"    three times a straight-through rounding: torch.func.grad {straight.tolist()}, the same compiled {lost.tolist()}")
    ok &= bool((straight == 3).all()) and bool((lost == 0).all())
    batch = x[:, None].clone().requires_grad_()
    (right,), (wrong,) = (torch.autograd.grad(f(batch), batch) for f in (rows, torch.compile(rows, **options)))
    print(f"    backward through vmap {right.flatten().tolist()}, through a compiled vmap {wrong.flatten().tolist()}")
    ok &= torch.allclose(right.flatten(), -x.cos()) and torch.allclose(wrong.flatten(), x.cos())
raise SystemExit(0 if ok else 1)
PY
