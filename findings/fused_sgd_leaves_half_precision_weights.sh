#!/usr/bin/env bash
# torch 2.13.0: torch.optim.SGD(fused=True) on bfloat16 and float16 parameters on the CPU.
#
# Guess, written before the run: fused, foreach and plain SGD take the same step (to rounding), for all types.
# Seen: a tensor of 16 or more elements does not move at all in bfloat16 and float16, whatever the gradient, the rate and the decay.
# Smaller tensors, the rest of a tensor beyond a multiple of 16, float32, and fused Adam move. So biases of small layers train and
# weights stand still. It is the same with momentum, and with ATEN_CPU_CAPABILITY=default and avx2. No warning is given. Exits
# non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch


def moved(size, kind, **options):
    p = torch.nn.Parameter(torch.ones(size, dtype=kind))
    optimizer = torch.optim.SGD([p], lr=0.1, **options)
    for _ in range(3):
        p.grad = torch.ones_like(p)
        optimizer.step()
    return (1 - p.detach().float()).tolist()


right = True
for kind in (torch.float32, torch.bfloat16, torch.float16):
    fused, plain, small = moved(35, kind, fused=True), moved(35, kind, foreach=False), moved(8, kind, fused=True)
    print(f"{kind}: of 35 elements fused moves the first by {fused[0]:.2f} and the last by {fused[-1]:.2f}, plain both by {plain[0]:.2f}; of 8, fused moves the first by {small[0]:.2f}")
    right = right and abs(fused[0] - (plain[0] if kind == torch.float32 else 0)) < 1e-5 and min(plain[0], fused[-1], small[0]) > 0.25
print("torch", torch.__version__)
raise SystemExit(0 if right else 1)
PY
