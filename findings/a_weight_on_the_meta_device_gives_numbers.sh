#!/usr/bin/env bash
# torch 2.13.0: an ensemble by torch.func.stack_module_state of networks with tied weights, called through a skeleton on the meta device.
#
# Guess, written before the run: the gradients of each member by vmap equal those of a loop over the members.
# Seen: stack_module_state gives the tied tensor once, and deepcopy(model).to("meta"), the skeleton of the documentation's recipe,
# unties it, so functional_call leaves the twin on the meta device. The product of a CPU tensor with that weight raises nothing
# and gives a CPU tensor with arbitrary content (mostly about 1e-310). With a skeleton that is not moved to "meta" the result is exact.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import copy
import sys

import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
        self.decoder.weight = self.encoder.weight

    def forward(self, x):
        return self.decoder(torch.tanh(self.encoder(x)))


torch.manual_seed(0)
x, models = torch.randn(4, 3), [Autoencoder() for _ in range(3)]
params, buffers = stack_module_state(models)
right = torch.stack([model(x) for model in models])
off = {}
for place in ("cpu", "meta"):
    skeleton = copy.deepcopy(models[0]).to(place)
    outputs = vmap(lambda p, b: functional_call(skeleton, (p, b), (x,)))(params, buffers)
    off[place] = ((outputs - right).norm() / right.norm()).item(), outputs.device.type
    print(f"skeleton on {place}: tied {skeleton.encoder.weight is skeleton.decoder.weight}, output on {off[place][1]}, off by {off[place][0]:.2f} of its size")
meta_off, device = off["meta"]
sys.exit(0 if off["cpu"][0] < 1e-6 and device == "cpu" and not meta_off < 0.1 else 1)
PY
