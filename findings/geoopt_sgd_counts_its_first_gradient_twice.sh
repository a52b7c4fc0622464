#!/usr/bin/env bash
# geoopt 0.5.1 with torch 2.13.0: geoopt.optim.RiemannianSGD(momentum=0.9) on a parameter in flat space (its default manifold, Euclidean).
#
# Expected: in flat space the path is that of torch.optim.SGD with the same options, as RiemannianAdam's is Adam's.
# Seen: the first step is 1.9 gradients long, and the first gradient counts 1.9 times ever after: the momentum is begun with the gradient and
# the same gradient is added to it once more. Without momentum both agree. An inner loop of one step makes nearly twice the step asked for.
# No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "scipy==1.17.1" "geoopt==0.5.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import geoopt
import torch
from torch import nn

def path(make):
    weight = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer = make([weight])
    found = []
    for _ in range(3):
        optimizer.zero_grad()
        weight.square().sum().backward()
        optimizer.step()
        found.append(float(weight[0]))
    return found

def off(a, b):
    return max(abs(x - y) for x, y in zip(a, b))

print(f"geoopt {geoopt.__version__}, steps on w^2 from 1 at rate 0.1")
results = {}
for momentum in (0.0, 0.9):
    for name, module in (("torch.optim.SGD", torch.optim.SGD), ("geoopt RiemannianSGD", geoopt.optim.RiemannianSGD)):
        results[momentum, name] = path(lambda p, m=module: m(p, lr=0.1, momentum=momentum))
        print(f"  momentum {momentum}, {name}: {[round(v, 4) for v in results[momentum, name]]}")
adam = [path(lambda p, m=m: m(p, lr=0.1)) for m in (torch.optim.Adam, geoopt.optim.RiemannianAdam)]
print(f"  Adam and RiemannianAdam differ by {off(*adam):.1e}")
plain = off(results[0.0, "torch.optim.SGD"], results[0.0, "geoopt RiemannianSGD"])
first = (1 - results[0.9, "geoopt RiemannianSGD"][0]) / (1 - results[0.9, "torch.optim.SGD"][0])
print(f"  the first step with momentum is {first:.3f} times that of torch.optim.SGD")
raise SystemExit(0 if plain < 1e-12 and off(*adam) < 1e-6 and abs(first - 1.9) < 1e-6 else 1)
PY
