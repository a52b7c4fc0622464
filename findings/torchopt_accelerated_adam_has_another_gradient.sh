#!/usr/bin/env bash
# torchopt 0.7.3 with torch 2.13.0: MetaAdam(use_accelerated_op=True), the switch for fast meta-gradients through Adam.
#
# Guess, written before the run: the meta-gradient is that of MetaAdam without the switch and of differences (1e-6 in float64).
# Seen: the steps are the same to the last bit and the meta-gradient is another one, also in sign, as soon as `eps` or `eps_root`
# is not tiny: the hand-written backward pass leaves eps out and puts eps_root in another place. `eps_root` is the option
# that is documented as needed for meta-gradients. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "torchopt==0.7.3" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
import torchopt
from torch import nn

start = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)

class Weights(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(start.clone())

def outer(scale, fast, **options):
    net = Weights()
    optimizer = torchopt.MetaAdam(net, lr=0.1, use_accelerated_op=fast, **options)
    for _ in range(2):
        optimizer.step((scale * net.w.square()).sum())
    return (net.w - 3).square().sum()

ok = True
for options in ({"eps": 0.1}, {"eps_root": 1e-2}):
    at, h, slope = 0.05, 1e-6, {}
    for fast in (False, True):
        scale = torch.tensor(at, dtype=torch.float64, requires_grad=True)
        slope[fast] = float(torch.autograd.grad(outer(scale, fast, **options), scale)[0])
    high, low = (float(outer(torch.tensor(at + s, dtype=torch.float64), True, **options)) for s in (h, -h))
    difference = (high - low) / (2 * h)
    print(f"torchopt {torchopt.__version__} {options}: meta-gradient {slope[False]:.6f}, with the switch {slope[True]:.6f},"
          f" difference of the switch's own outer losses {difference:.6f}")
    ok &= abs(slope[False] - difference) < 1e-4 and abs(slope[True] - difference) > 1
raise SystemExit(0 if ok else 1)
PY
