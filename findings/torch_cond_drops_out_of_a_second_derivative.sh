#!/usr/bin/env bash
# torch 2.13.0: torch.cond in a function whose gradient is differentiated again.
#
# Guess, written before the run: a second derivative through torch.cond is right or refused.
# Seen: the first is right, and its graph ends there: create_graph=True gives a part that needs no gradient. In a sum with other paths the
# branch's part is silently left out: y = cond(x) + x^3 with a branch x^3 gives 6x instead of 12x, in eager mode as under torch.compile.
# So a gradient penalty, a Hessian product or a hypergradient through a network with a torch.cond is too small. Alone it
# raises "does not require grad". The same branch by a Python `if` is right. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch

x = torch.tensor([0.7, 1.3], dtype=torch.float64, requires_grad=True)


def by_cond(x):
    return (torch.cond(x.sum() > 0, lambda x: x**3, lambda x: x.cos(), (x,)) + x**3).sum()


def by_if(x):
    return ((x**3 if x.sum() > 0 else x.cos()) + x**3).sum()


found = {}
for name, f in {"cond": by_cond, "compiled cond": torch.compile(by_cond, backend="eager"), "if": by_if}.items():
    first, = torch.autograd.grad(f(x), x, create_graph=True)
    second, = torch.autograd.grad(first.sum(), x)
    found[name] = (first / (6 * x**2)).mean().item(), (second / (12 * x)).mean().item()
    print(f"{name}: first derivative {found[name][0]:.2f} of the exact one, second {found[name][1]:.2f}")
print("torch", torch.__version__)
right = all(abs(first - 1) < 1e-9 for first, _ in found.values()) and abs(found["if"][1] - 1) < 1e-9
raise SystemExit(0 if right and abs(found["cond"][1] - 0.5) < 1e-9 and abs(found["compiled cond"][1] - 0.5) < 1e-9 else 1)
PY
