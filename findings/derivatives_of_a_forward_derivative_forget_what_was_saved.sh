#!/usr/bin/env bash
# torch 2.13.0: the derivative of a forward-mode derivative (torch.func.grad of jvp, jvp of jvp, backward through forward_ad) of
# layer_norm, batch_norm in training, instance_norm, linalg.solve, det and slogdet.
#
# Expected: reverse over forward and forward over forward equal forward over reverse and a second difference (1e-4 in float64),
# or the operation has no second derivative and raises.
# Seen: forward over reverse is right; the other two agree with each other and are wrong: 29 for .33 (layer_norm), half of the value (solve),
# another sign (det), exactly 0 (slogdet), -2.30 for -2.62 (batch_norm). The rule of the forward mode reads results that the operation saved beside
# its output (mean and inverse deviation, LU factors), and these carry no derivative. group_norm, inv, cholesky, svdvals, qr and the
# norms are right. Forward-mode hypergradients that are differentiated once more, by either mode, are such a case. No error and no warning. Exits
# non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
import torch.autograd.forward_ad as dual
import torch.nn.functional as F
from torch.func import grad, jvp

torch.manual_seed(0)
x, along = torch.randn(6, 3, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)
operations = {
    "layer_norm": lambda z: F.layer_norm(z, (3,)),
    "batch_norm in training": lambda z: F.batch_norm(z, None, None, training=True),
    "instance_norm": lambda z: F.instance_norm(z.view(2, 3, 3)),
    "linalg.solve": lambda z: torch.linalg.solve(z[:3], z[3:]),
    "linalg.det": lambda z: torch.linalg.det(z[:3]).view(1),
    "linalg.slogdet": lambda z: torch.linalg.slogdet(z[:3]).logabsdet.view(1),
    "group_norm": lambda z: F.group_norm(z.view(2, 3, 3), 3),
    "linalg.inv": lambda z: torch.linalg.inv(z[:3]),
    "linalg.cholesky": lambda z: torch.linalg.cholesky(z[:3] @ z[:3].T + torch.eye(3, dtype=z.dtype)),
}
wrong = []
for name, operation in operations.items():
    weights = torch.linspace(1, 2, operation(x).numel(), dtype=x.dtype)
    loss = lambda z: (operation(z).reshape(-1) * weights).sum()
    forward = lambda z: jvp(loss, (z,), (along,))[1]
    step = 1e-4
    difference = float(loss(x + step * along) - 2 * loss(x) + loss(x - step * along)) / step**2
    right = float((jvp(grad(loss), (x,), (along,))[1] * along).sum())
    twice, back = float(jvp(forward, (x,), (along,))[1]), float((grad(forward)(x) * along).sum())
    start = x.clone().requires_grad_()
    with dual.dual_level():
        tangent = dual.unpack_dual(loss(dual.make_dual(start, along))).tangent
    plain = float((torch.autograd.grad(tangent, start)[0] * along).sum()) if tangent.requires_grad else 0.0
    print(f"torch {torch.__version__} {name}: difference {difference:.4f}, forward over reverse {right:.4f}, forward over forward {twice:.4f},"
          f" reverse over forward {back:.4f}, by forward_ad and backward {plain:.4f}")
    scale = 1e-3 * max(1.0, abs(difference))
    if abs(right - difference) < scale and min(abs(v - difference) for v in (twice, back, plain)) > 100 * scale:
        wrong.append(name)
    elif max(abs(v - difference) for v in (right, twice, back, plain)) > scale:
        raise SystemExit(f"{name}: neither all right nor all wrong")
raise SystemExit(0 if wrong == list(operations)[:6] else 1)
PY
