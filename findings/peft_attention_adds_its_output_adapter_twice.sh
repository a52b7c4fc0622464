#!/usr/bin/env bash
# peft 0.21.2 with torch 2.13.0: LoRA on torch.nn.MultiheadAttention.
#
# Guess, written before the run: the layer's output is that with the weights W + B A, and gradients are its derivatives.
# Seen: for in_proj it is. The output projection has W + 2 B A, in train() and eval() and after merge_and_unload() alike, and its gradient is that
# of one B A, so half of the derivative of the loss: differences of the loss are twice the gradient. Rates and alpha mean something else
# for this one matrix, and a merge by hand (W + scaling * B @ A) is another model. The layer adds the adapter itself and then calls the
# adapter layer's own merge. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "peft==0.21.2" "transformers==5.24.0" "accelerate==1.15.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import copy
import peft
import torch

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)


class Attention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


base, x = Attention(), torch.randn(2, 3, 8)
model = peft.get_peft_model(copy.deepcopy(base), peft.LoraConfig(r=2, lora_alpha=2, target_modules=["attention"], init_lora_weights=False))
adapters = {n: p for n, p in model.named_parameters() if p.requires_grad}
inner = model.base_model.model.attention
changes = inner.get_delta_weight("default"), inner.base_layer.out_proj.get_delta_weight("default")
apart = []
for times in (1, 2):
    by_hand = copy.deepcopy(base)
    by_hand.attention.in_proj_weight.data += changes[0]
    by_hand.attention.out_proj.weight.data += times * changes[1]
    apart.append((by_hand(x) - model(x)).abs().max().item())
merged = (copy.deepcopy(model).merge_and_unload()(x) - model(x)).abs().max().item()
print(f"peft {peft.__version__}, torch {torch.__version__}: output {apart[0]:.2f} from W + B A, {apart[1]:.0e} from W + 2 B A in the output projection, {merged:.0e} from the merged model")
ratios = {}
for (name, p), g in zip(adapters.items(), torch.autograd.grad(model(x).pow(2).sum(), list(adapters.values())), strict=True):
    way = torch.randn_like(p)
    with torch.no_grad():
        p.add_(1e-6 * way)
        up = model(x).pow(2).sum()
        p.sub_(2e-6 * way)
        down = model(x).pow(2).sum()
        p.add_(1e-6 * way)
    ratios[name] = ((up - down) / 2e-6 / (g * way).sum()).item()
    print(f"  {name.split('attention.')[1]}: the loss changes by {ratios[name]:.3f} times what its gradient says")
right = all(abs(r - (2 if "out_proj" in n else 1)) < 1e-3 for n, r in ratios.items())
raise SystemExit(0 if right and apart[0] > 0.1 and apart[1] < 1e-9 and merged < 1e-9 else 1)
PY
