#!/usr/bin/env bash
# torch 2.13.0: torch.nn.TransformerEncoder in eval() with a padding mask, with and without torch.no_grad().
#
# Guess, written before the run: in eval() the outputs are the same numbers with gradients as under no_grad.
# Seen: at positions that the mask marks as padding they are those of the layers with gradients, and exactly zero under no_grad, where torch
# takes its fast path. A head on the mean over positions therefore gets another input: the mean differs by .9 where the outputs have
# spread 1. So a loss on held-out rows that needs a gradient (a hypergradient, a saliency map) and the same loss in a plain evaluation
# are two numbers. Real positions agree to 1e-6. No warning is given; enable_nested_tensor=False is right. Exits non-zero if that changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch

torch.manual_seed(0)
x, padded = torch.randn(3, 5, 8), torch.tensor([[0, 0, 0, 0, 1], [0, 0, 0, 1, 1], [0, 0, 1, 1, 1]]).bool()
found = {}
for nested in (True, False):
    torch.manual_seed(1)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    encoder = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=nested).eval()
    graph = encoder(x, src_key_padding_mask=padded).detach()
    with torch.no_grad():
        plain = encoder(x, src_key_padding_mask=padded)
    found[nested] = [(graph - plain)[~padded].abs().max().item(), plain[padded].abs().max().item(), (graph.mean(1) - plain.mean(1)).abs().max().item()]
    print(f"enable_nested_tensor={nested}: real positions {found[nested][0]:.1e} apart, largest padded one {found[nested][1]:.2f}"
          f" under no_grad, mean over positions {found[nested][2]:.2f} apart")
print("torch", torch.__version__)
raise SystemExit(0 if found[True][0] < 1e-5 and found[True][1] == 0 and found[True][2] > 0.3 and found[False][2] < 1e-5 else 1)
PY
