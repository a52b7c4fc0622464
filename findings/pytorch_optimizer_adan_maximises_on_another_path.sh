#!/usr/bin/env bash
# pytorch_optimizer 4.1.0 with torch 2.13.0: Adan(maximize=True).
#
# Guess, written before the run: maximising f takes the steps of minimising -f, as for the other optimisers of the package and for torch's.
# Seen: the path is another one. The difference of gradients that Adan adds to its momentum is -2 g in the first step where it should be 0, because the gradient
# before is stored before the sign is turned. The first step is right by chance (the factor is divided out), the second is .91 times as long as the right one, and
# after eight steps at a rate of .01 the weights are .016 apart. AdamW, AdaBelief, Lion and Lamb of the package are exact. No warning is
# given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -m pip install -q --no-deps "pytorch_optimizer==4.1.0"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import pytorch_optimizer
import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
x, y = torch.randn(8, 32, 4), torch.randn(8, 32, 3)


def weights(name, sign, steps, **options):
    torch.manual_seed(1)
    model = torch.nn.Linear(4, 3)
    start = model.weight.detach().clone()
    optimizer = getattr(pytorch_optimizer, name)(model.parameters(), lr=0.01, **options)
    for i in range(steps):
        optimizer.zero_grad()
        (sign * (model(x[i]) - y[i]).pow(2).mean()).backward()
        optimizer.step()
    return model.weight.detach() - start


found = {}
for name in ("AdamW", "AdaBelief", "Lion", "Lamb", "Adan"):
    for foreach in (None, False) if name == "Adan" else (None,):
        apart = (weights(name, 1.0, 8, foreach=foreach) - weights(name, -1.0, 8, maximize=True, foreach=foreach)).abs().max().item()
        steps = [[weights(name, s, n, foreach=foreach, maximize=s < 0) for n in (1, 2)] for s in (1.0, -1.0)]
        second = (steps[1][1] - steps[1][0]).norm() / (steps[0][1] - steps[0][0]).norm()
        found[name, foreach] = apart, second.item()
        print(f"pytorch_optimizer {version('pytorch_optimizer')} {name} (foreach={foreach}): the second step of maximising -f is {second:.3f} times as long as that of minimising f; after eight steps {apart:.1e} apart")
others = [v for (name, _), v in found.items() if name != "Adan"]
raise SystemExit(0 if all(v[0] < 1e-12 and v[1] > 0.99 for v in others) and all(found["Adan", f][0] > 0.01 and found["Adan", f][1] < 0.95 for f in (None, False)) else 1)
PY
