#!/usr/bin/env bash
# peft 0.21.2 with torch 2.13.0: disable_adapter() and unload() of LoRA with init_lora_weights="pissa" or "olora".
#
# Guess, written before the run: with the adapter disabled the outputs are the base model's, for every way of initialising it.
# Seen: these two take the adapter's first value out of the base weights, so a fresh adapter changes nothing, but without it the network is base
# minus adapter: its outputs are off by more than their spread. The same network serves as the reference in a penalty on the distance to the base
# model (distillation, preference losses), which begins at a large value then. "gaussian", "orthogonal" and the default are right. No warning is
# given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "transformers==5.24.0" "accelerate==1.15.0" "peft==0.21.2"
"$folder/env/bin/python" -W ignore - <<'PY'
import copy

import peft
import torch
from torch import nn

torch.manual_seed(0)
network, rows, found = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)), torch.randn(64, 6), {}
base = network(rows).detach()
for start in (True, "gaussian", "orthogonal", "pissa", "olora"):
    adapted = peft.get_peft_model(copy.deepcopy(network), peft.LoraConfig(r=2, target_modules=["0"], init_lora_weights=start))
    fresh = float((adapted(rows) - base).detach().abs().max())
    with adapted.disable_adapter():
        disabled = float((adapted(rows) - base).detach().std() / base.std())
    unloaded = float((adapted.unload()(rows) - base).detach().std() / base.std())
    found[start] = fresh, disabled, unloaded
    print(f"peft {peft.__version__} init_lora_weights={start}: fresh adapter off by {fresh:.0e}; disabled {disabled:.2g} and unloaded {unloaded:.2g} of the outputs' spread")
fresh = max(values[0] for values in found.values())
raise SystemExit(0 if fresh < 1e-4 and all(min(found[s][1:]) > 0.3 for s in ("pissa", "olora")) and all(max(found[s][1:]) < 1e-4 for s in (True, "gaussian", "orthogonal")) else 1)
PY
