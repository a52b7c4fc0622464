#!/usr/bin/env bash
# peft 0.21.2 with torch 2.13.0: LoRA on torch.nn.Conv2d with padding_mode="reflect", "circular" or "replicate", or padding="same" with dilation.
#
# Guess, written before the run: merge_and_unload keeps the outputs (1e-5), or is refused.
# Seen: the adapter's own convolution takes kernel, stride and padding from the layer, and neither its padding mode nor its dilation. It pads
# with zeros where the layer reflects, so the adapted network is not one with the weights W + B A, and merging changes its outputs, along the
# borders with another padding mode, everywhere with a dilation. Zero padding is exact. No warning is given. Exits non-zero if the behaviour
# changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "peft==0.21.2" "transformers==5.24.0" "accelerate==1.15.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from peft import LoraConfig, __version__, get_peft_model

CASES = {
    "zeros": {"padding": 1},
    "reflect": {"padding": 1, "padding_mode": "reflect"},
    "circular": {"padding": 1, "padding_mode": "circular"},
    "replicate": {"padding": 1, "padding_mode": "replicate"},
    "same, dilation 2": {"padding": "same", "dilation": 2},
}
off = {}
for name, options in CASES.items():
    torch.manual_seed(0)
    net, x = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3, **options)), torch.randn(2, 4, 8, 8)
    before = net(x)
    adapted = get_peft_model(net, LoraConfig(r=2, target_modules=["0"], init_lora_weights=False)).eval()
    with torch.no_grad():
        for key, parameter in adapted.named_parameters():
            if "lora" in key:
                parameter.mul_(0.2 / parameter.std())
        out = adapted(x)
        merged = adapted.merge_and_unload()(x)
    effect, error = (out - before).abs(), (out - merged).abs()
    off[name] = float(error.max() / effect.max()), float(error[..., 2:-2, 2:-2].max() / effect.max())
    print(f"peft {__version__} {name}: merging changes the outputs by {off[name][0]:.2g} of the adapter's effect, in the middle of the image by {off[name][1]:.2g}")
border = [off[k] for k in ("reflect", "circular", "replicate")]
raise SystemExit(0 if off["zeros"][0] < 1e-4 and all(a > 0.1 and b < 1e-4 for a, b in border) and off["same, dilation 2"][1] > 0.3 else 1)
PY
