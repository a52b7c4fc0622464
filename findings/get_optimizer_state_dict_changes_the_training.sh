#!/usr/bin/env bash
# torch 2.13.0: torch.distributed.checkpoint.state_dict.get_optimizer_state_dict (and get_state_dict), which reads the state for a checkpoint.
#
# Expected: reading the state before the first step (a checkpoint of the start, a search over several starts) leaves the training as it is.
# Seen: it takes a step with gradients of zero at rate 0, to have a state to read. Adam and AdamW count that as their first step: the real one is
# 0.75 of its length. Adamax's is 0.53, RAdam's 0.53, SGD's with dampening half, and Rprop's first one 1e-4 of what it was, after which it stays
# far behind. No warning is given, and one process is enough. SGD with momentum alone is not affected. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import warnings

import torch
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict

warnings.filterwarnings("ignore")
ratios = {}
for name, options in (("SGD", {"momentum": 0.9}), ("SGD", {"momentum": 0.9, "dampening": 0.5}), ("Adam", {}), ("AdamW", {}), ("Adamax", {}), ("RAdam", {}), ("Rprop", {})):
    lengths = []
    for read in (False, True):
        torch.manual_seed(0)
        network = torch.nn.Linear(3, 2)
        start = network.weight.detach().clone()
        optimizer = getattr(torch.optim, name)(network.parameters(), lr=0.01, **options)
        if read:
            get_optimizer_state_dict(network, optimizer)
        for step in range(5):
            optimizer.zero_grad()
            network(torch.randn(8, 3)).pow(2).mean().backward()
            optimizer.step()
            lengths += [float((network.weight - start).norm())] if step in (0, 4) else []
    ratios[name + str(options)] = lengths[2] / lengths[0]
    print(f"torch {torch.__version__} {name} {options}: moved by {lengths[0]:.5f} after 1 step and {lengths[1]:.5f} after 5; where the state was read before: {lengths[2]:.5f} and {lengths[3]:.5f}")
same, *other = ratios.values()
raise SystemExit(0 if same == 1.0 and max(other) < 0.9 else 1)
PY
