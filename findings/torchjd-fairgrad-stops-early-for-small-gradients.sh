#!/usr/bin/env bash
# torchjd 0.18.0 with scipy 1.16.3, torch 2.13.0: FairGradWeighting(alpha=1).
# Behaviour: its weights solve G w = 1 / w for gradients of norm 1 and 0.01, but not for norm 0.0001: there they are 16
# times too small, without a word, because least_squares meets its absolute tolerance far from the solution.
# Expected: weights that grow as one over the gradients' norm, as the equation's solution does exactly.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q "torch==2.13.0" "torchjd[fairgrad]==0.18.0" "scipy==1.16.3" numpy
"$folder/venv/bin/python" - <<'PY'
import sys
import torch
from torchjd.aggregation import FairGradWeighting

rows = torch.tensor([[1.0, 0.2], [0.3, 1.0]], dtype=torch.float64)
scaled, residuals = [], []
for size in (1.0, 1e-2, 1e-4):
    gramian = (size * rows) @ (size * rows).T
    weights = FairGradWeighting(alpha=1.0)(gramian)
    scaled.append((size * weights).tolist())
    residuals.append(float(((gramian @ weights) * weights - 1).abs().max()))
print("weights times the gradients' size:", scaled, "largest |w * (G w) - 1|:", residuals)
sys.exit(0 if residuals[0] < 1e-3 and residuals[1] < 1e-3 and residuals[2] > 0.5 else 1)
PY
