#!/usr/bin/env bash
# peft 0.21.2 with torch 2.13.0: LoRA on linear1 and linear2 of torch.nn.TransformerEncoderLayer.
#
# Guess, written before the run: without dropout the adapted model gives the same in train() and in eval(), and another result than
# the model without its adapter.
# Seen: in train() it does, and in eval() the adapter has no effect at all: the result is the base model's to the last bit. In eval() the
# layer takes torch's fused path, which reads linear1.weight itself; PEFT's layer hands out the base layer's weight there, and
# its forward pass, which adds the adapter, is never called. So an adapter is trained and then evaluated without it. No warning
# is given; merge_and_unload() brings it back. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "peft==0.21.2" "transformers==5.24.0" "accelerate==1.15.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import peft
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), 1)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.encoder(x).mean(1))

torch.manual_seed(0)
model, x = get_peft_model(Net(), LoraConfig(r=2, target_modules=["linear1", "linear2"])), torch.randn(2, 5, 8)
for name, p in model.named_parameters():
    if "lora_B" in name:
        nn.init.normal_(p, std=0.5)  # as after training
effect = {}
with torch.no_grad():
    for mode in (True, False):
        adapted = model.train(mode)(x)
        with model.disable_adapter():
            effect["train" if mode else "eval"] = float((adapted - model(x)).abs().max())
    merged = model.eval().merge_and_unload()(x)
    effect["eval, merged"] = float((merged - adapted).abs().max())
print(f"peft {peft.__version__}, torch {torch.__version__}: change of the outputs by the adapter: {effect}")
raise SystemExit(0 if effect["train"] > 0.1 and effect["eval"] == 0 and effect["eval, merged"] > 0.1 else 1)
PY
