#!/usr/bin/env bash
# torch 2.13.0: softmax over the ragged dimension of a nested tensor (layout=torch.jagged), as in attention pooling of sets of unequal size.
#
# Guess, written before the run: values and gradients of softmax over ragged rows equal those of a loop over the parts, or an error is raised.
# Seen: the values are exact. The gradient is another function's: the forward pass turns dimension 1 of the nested tensor into the rows of its
# buffer, the backward pass takes dimension 1 of the buffer itself, the features. Its largest error is about as large as the gradient. With
# dim=-1 the gradient is exact. log_softmax raises instead. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch

torch.manual_seed(0)
parts = [torch.randn(3, 4, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)]
weight = torch.randn(5, 4, dtype=torch.float64)


def loss(rows, dim, nested):
    if nested:
        out = torch.softmax(torch.nested.nested_tensor_from_jagged(rows, torch.tensor([0, 3, 5])), dim=dim).values()
    else:
        out = torch.cat([torch.softmax(part, dim=dim - 1 if dim > 0 else dim) for part in rows.split([3, 2])])
    return (out * weight).sum()


rows, error = torch.cat(parts).requires_grad_(), {}
for dim in (1, -1):
    values = [loss(rows, dim, nested) for nested in (True, False)]
    found, right = (torch.autograd.grad(value, rows)[0] for value in values)
    error[dim] = float((found - right).norm() / right.norm())
    step = 1e-6 * torch.eye(20, dtype=torch.float64).view(20, 5, 4)
    difference = torch.stack([(loss(rows + e, dim, True) - loss(rows - e, dim, True)) / 2e-6 for e in step]).view(5, 4).detach()
    print(f"torch {torch.__version__} softmax(dim={dim}): values {float((values[0] - values[1]).abs()):.0e} apart; gradient off by {error[dim]:.2g} of itself from a loop,"
          f" by {float((found - difference).norm() / difference.norm()):.2g} from differences of its own values")
raise SystemExit(0 if error[1] > 0.3 and error[-1] < 1e-9 else 1)
PY
