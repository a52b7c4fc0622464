#!/usr/bin/env bash
# betty-ml 0.1.1 (the newest that installs on Python 3.11 and later) with torch 2.13.0: the hypergradient by conjugate gradient, type="cg".
#
# Guess, written before the run: the cg and neumann hypergradients of a quadratic inner problem equal the closed form to 1e-2.
# Seen: neumann does. Conjugate gradient is exact after three steps for three parameters; betty's is off by 0.5, 0.4 and 1.5 times the
# closed form's size after one, three and ten steps, and more steps make it worse, without a warning. The new direction is made of the
# former residual instead of the new one. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -m pip install -q --no-deps "betty-ml==0.1.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys
from types import SimpleNamespace

import torch
from betty.hypergradient.cg import cg
from betty.hypergradient.neumann import neumann

curvature = torch.diag(torch.tensor([1.0, 2.0, 0.5]))
weights, labels = torch.zeros(3, requires_grad=True), torch.ones(3, requires_grad=True)
outer = torch.tensor([1.0, 2.0, 3.0])  # the gradient of the outer loss in the weights
true = torch.linalg.solve(curvature, outer)  # the inner loss is w'Hw / 2 - w'labels


def off(method, **options):
    inner = SimpleNamespace(
        paths=[],
        config=SimpleNamespace(**options),
        cur_batch=None,
        training_step_exec=lambda batch: 0.5 * weights @ curvature @ weights - (weights * labels).sum(),
        trainable_parameters=lambda: [weights],
        parameters=lambda: [weights],
    )
    (found,) = method([outer], inner, SimpleNamespace(trainable_parameters=lambda: [labels]))
    return found, ((found - true).norm() / true.norm()).item()


print("closed form", true.tolist())
exact = off(neumann, neumann_iterations=100, neumann_alpha=0.3)
print("neumann, 100 terms", exact[0].tolist())
errors = {}
for steps in (1, 2, 3, 10, 20):
    found, errors[steps] = off(cg, cg_iterations=steps, cg_alpha=1.0)
    print(f"cg, {steps} steps", [round(value, 3) for value in found.tolist()], f"off by {errors[steps]:.2f} of its size")
sys.exit(0 if exact[1] < 1e-2 and errors[3] > 0.1 and errors[10] > 0.5 and errors[20] > 0.5 else 1)
PY
