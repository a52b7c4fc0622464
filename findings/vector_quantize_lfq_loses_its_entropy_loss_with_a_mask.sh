#!/usr/bin/env bash
# vector-quantize-pytorch 1.32.0 with torch 2.13.0: LFQ (lookup-free quantisation) with its entropy loss, on padded rows (mask=...).
#
# Guess, written before the run: with a mask of ones the losses are those without a mask, and padded places do not count.
# Seen: with any mask the entropy of the batch, which keeps the codes in use, is that of single places: it equals the entropy per sample, so the
# loss is 0 where it is -0.13 without a mask, and its gradient is gone. The mean over the batch is taken over a wrong axis once the mask has
# flattened rows and places. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "vector-quantize-pytorch==1.32.0"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from vector_quantize_pytorch import LFQ

torch.manual_seed(0)
x = torch.randn(2, 10, 4)
layer = LFQ(codebook_size=16, dim=4, entropy_loss_weight=0.1, diversity_gamma=1.0)
print(f"vector-quantize-pytorch {version('vector-quantize-pytorch')}, 20 places, 16 codes")
found = []
for name, options in (("without a mask", {}), ("with a mask of ones", {"mask": torch.ones(2, 10, dtype=torch.bool)})):
    inputs = x.clone().requires_grad_()
    result, parts = layer(inputs, inv_temperature=5.0, return_loss_breakdown=True, **options)
    (slope,) = torch.autograd.grad(result.entropy_aux_loss, inputs)
    found.append((float(result.entropy_aux_loss), float(parts.batch_entropy), float(parts.per_sample_entropy), float(slope.norm())))
    print(f"  {name}: loss {found[-1][0]:.4f}, entropy of the batch {found[-1][1]:.4f}, per sample {found[-1][2]:.4f}, norm of the gradient {found[-1][3]:.1e}")
codes = torch.tensor([[1.0 if k >> b & 1 else -1.0 for b in range(4)] for k in range(16)])
own = torch.softmax(10 * x.reshape(-1, 4) @ codes.T, dim=-1).mean(0)
print(f"  entropy of the mean assignment, by its formula: {float(-(own * own.clamp(min=1e-5).log()).sum()):.4f}")
(plain, batch, single, slope), (masked, masked_batch, masked_single, masked_slope) = found
raise SystemExit(0 if plain < -0.1 and abs(batch - float(-(own * own.clamp(min=1e-5).log()).sum())) < 0.01 and masked == 0 and masked_batch == masked_single and masked_slope < 1e-6 else 1)
PY
