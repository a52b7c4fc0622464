#!/usr/bin/env bash
# torch 2.13.0: second derivatives of a norm at the zero vector (a group penalty on a layer that begins at zero, as LoRA's does).
#
# Guess, written before the run: where the first derivative is finite (it is 0 there, a subgradient), a Hessian product is finite too, and
# the same in both ways of taking it.
# Seen: double backward gives NaN, forward over reverse gives 0, for Tensor.norm, torch.linalg.vector_norm and torch.dist alike. First
# derivatives are masked at zero and their own derivatives are not. One group of weights at zero makes a hypergradient NaN that goes
# by double backward. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch

w, v = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
norms = {"Tensor.norm": lambda w: w.norm(), "vector_norm": torch.linalg.vector_norm, "dist": lambda w: torch.dist(w, torch.zeros_like(w))}
right = True
for name, norm in norms.items():
    at = w.clone().requires_grad_()
    first, = torch.autograd.grad(norm(at), at, create_graph=True)
    double, = torch.autograd.grad(first @ v, at)
    mixed = torch.func.jvp(torch.func.grad(norm), (w,), (v,))[1]
    print(f"{name}: gradient {first.tolist()}, Hessian product {double.tolist()} by double backward, {mixed.tolist()} by forward over reverse")
    right = right and bool((first == 0).all() and double.isnan().all())
    right = right and bool((mixed == 0).all())
print("torch", torch.__version__)
raise SystemExit(0 if right else 1)
PY
