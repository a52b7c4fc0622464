#!/usr/bin/env bash
# torch 2.13.0: torch.func.jacrev, and torch.func.vmap of a backward pass, through torch.cdist with up to 25 rows on both sides.
#
# Expected: jacrev of the distances equals the Jacobian row by row and that of the same formula written out (1e-10).
# Seen: every row of the Jacobian is the first one: each distance gets the gradient of the distance of row 0 to row 0. Where the
# backward pass is batched and the rows themselves are not, the batched form of _cdist_backward hands each member the first member's gradient.
# With chunk_size=1, with torch.autograd.grad(is_grads_batched=True), and with more than 25 rows (another formula) all is right, so a test on a
# larger table does not show it. Per-sample gradients of a loss, by vmap of grad over the rows, are right too. Prototype networks and nearest
# centres are such cases. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from torch.func import jacrev

torch.manual_seed(0)

def written_out(x, y):
    return (x[:, None] - y).square().sum(-1).sqrt()

seen = {}
for rows in (2, 4, 25, 26):
    x, y = torch.randn(rows, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    right = jacrev(written_out)(x, y)
    together, one_by_one = jacrev(torch.cdist)(x, y), jacrev(torch.cdist, chunk_size=1)(x, y)
    places = x.clone().requires_grad_()
    distance = torch.cdist(places, y)
    basis = torch.eye(distance.numel(), dtype=x.dtype).view(-1, *distance.shape)
    older = torch.autograd.grad(distance, places, basis, is_grads_batched=True)[0].view_as(right)
    off = [float((found - right).abs().max()) for found in (together, one_by_one, older)]
    same = bool((together == together[0, 0]).all())
    print(f"torch {torch.__version__}, {rows} rows: largest error of jacrev {off[0]:.2g}, of jacrev(chunk_size=1) {off[1]:.2g}, of is_grads_batched"
          f" {off[2]:.2g}; all rows of jacrev equal: {same}")
    seen[rows] = off[0] > 0.5 and same, off[0] < 1e-10, max(off[1:]) < 1e-10
x = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
print("scores of two queries, of two prototypes: gradient of the second query's score in the queries", jacrev(lambda q: -torch.cdist(q, x + 1).sum(1))(x)[1].tolist())
raise SystemExit(0 if all(seen[rows][0] for rows in (2, 4, 25)) and seen[26][1] and all(v[2] for v in seen.values()) else 1)
PY
