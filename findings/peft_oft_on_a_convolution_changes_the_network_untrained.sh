#!/usr/bin/env bash
# peft 0.21.2 with torch 2.13.0: OFT (orthogonal finetuning) on torch.nn.Conv2d.
#
# Guess, written before the run: merging keeps the outputs (1e-4), and an adapter that was not trained yet, the identity, changes nothing.
# Seen: an untrained adapter changes the outputs by more than their own size. It cuts the input into the kernel's overlapping patches, rotates
# them, and adds them up again without dividing by how many patches cover a pixel: with the identity each pixel inside is multiplied by 9 for a 3
# x 3 kernel, and less towards the border. Merging multiplies the weights alone, so it gives the base network back. Kernels of 1 x 1 and linear
# layers are exact. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "peft==0.21.2" "transformers==5.24.0" "accelerate==1.15.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from peft import OFTConfig, __version__, get_peft_model

changed = {}
for name, layer in {"Conv2d 3x3": torch.nn.Conv2d(4, 8, 3, padding=1), "Conv2d 1x1": torch.nn.Conv2d(4, 8, 1), "Linear": torch.nn.Linear(8, 8)}.items():
    torch.manual_seed(0)
    net = torch.nn.Sequential(layer)
    x = torch.randn(2, 8) if name == "Linear" else torch.ones(1, 4, 9, 9)
    with torch.no_grad():
        before = net(x)
        adapted = get_peft_model(net, OFTConfig(r=0, oft_block_size=4, target_modules=["0"])).eval()
        out = adapted(x)
        merged = adapted.merge_and_unload()(x)
    changed[name] = float((out - before).abs().max() / before.abs().max()), float((merged - before).abs().max())
    print(f"peft {__version__} {name}: an untrained adapter changes the outputs by {changed[name][0]:.2g} of the largest; merged by {changed[name][1]:.2g}")
small = max(*changed["Linear"], *changed["Conv2d 1x1"], changed["Conv2d 3x3"][1])
raise SystemExit(0 if changed["Conv2d 3x3"][0] > 1 and small < 1e-5 else 1)
PY
