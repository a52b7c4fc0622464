#!/usr/bin/env bash
# POT 0.9.7.post1 with torch 2.13.0: ot.solve(M, a, b, reg=..., grad="envelope") with its default regulariser reg_type="KL", and the
# gradient in the weights a of the samples.
#
# Guess, written before the run: grad="envelope" gives the derivative of `value`, as grad="autodiff" and a difference do, which is what it is
# documented for.
# Seen: it is that of reg_type="entropy": the term reg * log(a) is missing, so along a direction it is 1.85 instead of 0.36. For
# reg_type="entropy" it is right, and so is the gradient in M for both. Weights of samples or classes that are learned by an alignment of two
# domains go to another place, the farther the larger reg. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "scipy==1.17.1" "pot==0.9.7.post1"
"$folder/env/bin/python" -W ignore - <<'PY'
import ot
import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
cost = ot.dist(torch.randn(4, 2), torch.randn(5, 2))
a, b, way = torch.softmax(torch.randn(4), 0), torch.full((5,), 0.2), torch.zeros(4)
way[a.argmax()], way[a.argmin()] = 1.0, -1.0
errors = {}
for kind in ("KL", "entropy"):
    for grad in ("autodiff", "envelope"):
        def value(a):
            return ot.solve(cost, a, b, reg=0.5, reg_type=kind, grad=grad, tol=1e-13, max_iter=100000).value

        at = a.clone().requires_grad_()
        g, = torch.autograd.grad(value(at), at)
        difference = ((value(a + 1e-5 * way) - value(a - 1e-5 * way)) / 2e-5).item()
        lacking = (0.5 * a.log() @ way).item()
        errors[kind, grad] = [abs((g @ way).item() + term - difference) for term in (0.0, -lacking)]
        print(f"reg_type={kind}, grad={grad}: {(g @ way).item():+.5f} along a direction, {difference:+.5f} by a difference")
print(f"POT {ot.__version__}; less reg * log(a) the one that differs is right to {errors['KL', 'envelope'][1]:.0e}")
right = all(errors[key][0] < 1e-6 for key in errors if key != ("KL", "envelope"))
raise SystemExit(0 if right and errors["KL", "envelope"][0] > 0.1 and errors["KL", "envelope"][1] < 1e-6 else 1)
PY
