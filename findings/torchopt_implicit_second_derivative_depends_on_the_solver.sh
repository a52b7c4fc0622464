#!/usr/bin/env bash
# torchopt 0.7.3 with torch 2.13.0: the second derivative through torchopt.diff.implicit.custom_root, the decorator for hypergradients.
#
# Guess, written before the run: a second derivative through the implicit solution is right or refused.
# Seen: for w^3 + w = phi at phi = 2 the first derivative is exact (1/4) with every linear solver. The second is -3/32: solve_inv gives it, the
# default solver gives +3/32 (the other sign), and solve_cg gives 0. The backward pass is differentiable only as far as its
# linear solver is. create_graph=True is accepted and no warning is given, so Hessians of an outer loss (a Newton step on
# hyperparameters, three levels of problems) are silently wrong. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.3.3" "torchopt==0.7.3" "optree==0.20.0" "graphviz==0.21"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
import torchopt
from torchopt.diff.implicit import custom_root

torch.set_default_dtype(torch.float64)


def derivatives(**options):
    @custom_root(lambda w, phi: w**3 + w - phi, argnums=1, **options)
    def solution(start, phi):
        w = start.detach().clone()
        with torch.no_grad():
            for _ in range(100):
                w = w - (w**3 + w - phi) / (3 * w**2 + 1)
        return w

    phi = torch.tensor([2.0], requires_grad=True)
    first, = torch.autograd.grad(solution(torch.zeros(1), phi).sum(), phi, create_graph=True)
    second, = torch.autograd.grad(first.sum(), phi)
    return first.item(), second.item()


solvers = {"default": {}, "inv": {"solve": torchopt.linear_solve.solve_inv()}, "cg": {"solve": torchopt.linear_solve.solve_cg()}}
found = {name: derivatives(**options) for name, options in solvers.items()}
for name, (first, second) in found.items():
    print(f"{name}: first derivative {first:.5f} (exact .25), second {second:+.5f} (exact {-3 / 32:+.5f})")
print("torchopt", torchopt.__version__)
right = all(abs(first - 0.25) < 1e-6 for first, _ in found.values()) and abs(found["inv"][1] + 3 / 32) < 1e-6
raise SystemExit(0 if right and abs(found["default"][1] - 3 / 32) < 1e-3 and abs(found["cg"][1]) < 1e-3 else 1)
PY
