#!/usr/bin/env bash
# torch 2.13.0: the second derivative of a loss through torch.sparse_coo_tensor(indices, values), with values that are learned (weights of
# edges).
#
# Guess, written before the run: Hessian products through sparse tensors equal the dense ones, or raise.
# Seen: the gradient is exact. With create_graph=True it is a constant as far as the sparse tensor is concerned: alone it raises, but in a sum
# with any other path from the same values (a penalty, a second use) the sparse part is left out of the second derivative without a word. The
# same holds for sparse.mm, sparse.softmax, sparse.sum and to_dense. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch

D = torch.float64
torch.manual_seed(0)
edges, signal = torch.tensor([[0, 0, 1, 1, 2], [0, 1, 1, 2, 2]]), torch.randn(3, 2, dtype=D)
forms = {
    "dense": lambda v: torch.zeros(3, 3, dtype=D).index_put((edges[0], edges[1]), v) @ signal,
    "sparse.mm": lambda v: torch.sparse.mm(torch.sparse_coo_tensor(edges, v, (3, 3), check_invariants=True), signal),
    "to_dense": lambda v: torch.sparse_coo_tensor(edges, v, (3, 3), check_invariants=True).to_dense() @ signal,
}
values, seen = torch.randn(5, dtype=D, requires_grad=True), {}
for name, form in forms.items():
    loss = form(values).pow(3).sum() + values.pow(3).sum()
    (gradient,) = torch.autograd.grad(loss, values, create_graph=True)
    (product,) = torch.autograd.grad(gradient.sum(), values)
    seen[name] = gradient.detach(), product
    print(f"torch {torch.__version__} {name}: gradient {[round(g, 3) for g in gradient.tolist()]}, Hessian times ones {[round(p, 3) for p in product.tolist()]}")
print(f"the penalty alone has {[round(p, 3) for p in (6 * values).tolist()]}")
exact = all(torch.allclose(seen[name][0], seen["dense"][0]) for name in forms)
left_out = all(torch.allclose(seen[name][1], 6 * values) for name in ("sparse.mm", "to_dense"))
raise SystemExit(0 if exact and left_out and not torch.allclose(seen["dense"][1], 6 * values) else 1)
PY
