#!/usr/bin/env bash
# torch 2.13.0: several training steps inside one torch.autocast context (on the CPU, bfloat16).
#
# Guess, written before the run: every forward pass uses the weights as they are then.
# Seen: every pass uses the weights of the first one. Autocast keeps the sixteen-bit copies of the parameters until its context ends and
# does not see that an optimiser changed them, so the loss of an inner loop of steps inside the context is the same number at
# every step, and the gradients are those of the old weights. Outside the context the weights have moved. Fast weights that are made by
# out-of-place steps are right. The documentation advises against backward passes in the context because of their types, not of this.
# No warning is given; cache_enabled=False or a context per pass is right. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch


def losses(**options):
    torch.manual_seed(0)
    model, x = torch.nn.Linear(3, 1), torch.ones(2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    found = []
    with torch.autocast("cpu", torch.bfloat16, **options):
        for _ in range(4):
            optimizer.zero_grad()
            loss = (model(x).float() - 3).pow(2).mean()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
    return found


kept, fresh = losses(), losses(cache_enabled=False)
print(f"torch {torch.__version__}: losses of four steps in one context {['%.3f' % v for v in kept]};"
      f" without the cache {['%.3f' % v for v in fresh]}")
raise SystemExit(0 if len(set(kept)) == 1 and fresh[-1] < 0.5 * fresh[0] else 1)
PY
