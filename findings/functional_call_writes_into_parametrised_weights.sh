#!/usr/bin/env bash
# torch 2.13.0: torch.func.functional_call with the plain name of a weight that has a parametrisation (spectral_norm).
#
# Guess, written before the run: the weight given is used as it is, gradients reach it, and the module is as it was before. The
# documentation says that the plain name disables the parametrisation.
# Seen: the weight given is copied into the module's own parameter under no_grad and then normalised. The output is that of
# w / sigma(w), no gradient reaches w although the output requires one, and afterwards the module's own parameter is
# another one: it holds its normalised weight. So a hypernetwork that makes the weights of such a layer is never trained.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import spectral_norm

torch.manual_seed(0)
layer, x = spectral_norm(nn.Linear(3, 2, bias=False)).eval(), torch.ones(1, 3)
before = {name: value.clone() for name, value in layer.state_dict().items()}
w = torch.randn(2, 3, requires_grad=True)
out = functional_call(layer, {"weight": w}, (x,))
(gradient,) = torch.autograd.grad(out.sum(), w, allow_unused=True)
moved = {name: float((value - before[name]).abs().max()) for name, value in layer.state_dict().items()}
print(f"torch {torch.__version__}: x @ w.T is {(x @ w.T).tolist()}, functional_call gives {out.tolist()}")
print(f"the output requires a gradient: {out.requires_grad}; the gradient that reaches w: {gradient}")
print(f"the module's own state moved by {moved}")
as_described = gradient is None and out.requires_grad and not torch.allclose(out, x @ w.T)
raise SystemExit(0 if as_described and moved["parametrizations.weight.original"] > 1e-3 else 1)
PY
