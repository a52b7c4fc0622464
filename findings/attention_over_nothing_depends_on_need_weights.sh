#!/usr/bin/env bash
# torch 2.13.0: torch.nn.MultiheadAttention where all keys of one sample are padding (an empty set, a sample without words).
#
# Guess, written before the run: need_weights=True and need_weights=False give the same output.
# Seen: need_weights=True, the default, gives NaN for that sample. need_weights=False gives 0 (and the output layer's bias) in train() and in
# eval() with gradients, and NaN in eval() under torch.no_grad(), where another implementation runs. So a network trains without complaint, and
# its evaluation is NaN; and asking for the attention maps changes numbers. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import contextlib

import torch

torch.manual_seed(0)
attention, x, seen = torch.nn.MultiheadAttention(8, 2, batch_first=True), torch.randn(2, 3, 8), {}
padding = torch.tensor([[True] * 3, [False] * 3])
for mode in ("train", "eval", "eval, no_grad"):
    attention.train(mode == "train")
    with torch.no_grad() if "no_grad" in mode else contextlib.nullcontext():
        for weights in (True, False):
            out = attention(x, x, x, key_padding_mask=padding, need_weights=weights)[0]
            seen[mode, weights] = bool(out[0].isnan().all())
            print(f"torch {torch.__version__} {mode}, need_weights={weights}: empty sample {out[0, 0, :2].tolist()}, the other one has NaN: {bool(out[1].isnan().any())}")
expected = {(mode, weights): weights or "no_grad" in mode for mode in ("train", "eval", "eval, no_grad") for weights in (True, False)}
raise SystemExit(0 if seen == expected else 1)
PY
