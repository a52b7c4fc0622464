#!/usr/bin/env bash
# torch 2.13.0: torch.masked.std along rows of which some have a single entry that is not masked.
#
# Guess, written before the run: the gradient there is 0, as that of torch.std of one entry or of equal ones.
# Seen: the standard deviation is 0 and its gradient NaN, as soon as one row has one entry left, or entries that are equal. torch.std takes 0
# there. A mean over rows makes every weight of a network NaN by one row with one label. No warning is given. Exits non-zero if the behaviour
# changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch

values = torch.tensor([[1.0, 2.0, 4.0], [5.0, 7.0, 9.0], [3.0, 3.0, 8.0]], requires_grad=True)
mask = torch.tensor([[True, True, True], [True, False, False], [True, True, False]])
deviation = torch.masked.std(values, 1, unbiased=False, mask=mask)
(gradient,) = torch.autograd.grad(deviation.mean(), values)
loop = torch.stack([row[kept].std(correction=0) for row, kept in zip(values, mask)])
(right,) = torch.autograd.grad(loop.mean(), values)
print(f"torch {torch.__version__}: torch.masked.std {deviation.tolist()}, gradient {gradient.tolist()}")
print(f"torch.std of the entries {loop.tolist()}, gradient {right.tolist()}")
nan = gradient.isnan().any(1).tolist()
raise SystemExit(0 if torch.allclose(deviation, loop) and nan == [False, True, True] and not right.isnan().any() else 1)
PY
