#!/usr/bin/env bash
# torch 2.13.0 with onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.31.1: torch.onnx.export of F.scaled_dot_product_attention where a row may see no
# key.
#
# Guess, written before the run: the ONNX model gives what torch gives, 0 in such a row.
# Seen: with a mask of booleans the row gets the mean over all keys, the hidden ones too, because the graph adds a large finite number for False;
# with a mask of numbers (minus infinity) it is NaN. So a sample without words, an empty set or a node without neighbours attends to its padding
# in the exported model. The other rows are exact. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "onnx==1.23.2" "onnxscript==0.7.2" "onnxruntime==1.31.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import contextlib
import io
import logging
import tempfile

import onnxruntime
import torch
import torch.nn.functional as F

logging.disable(logging.WARNING)


class Attention(torch.nn.Module):
    def forward(self, x, mask):
        return F.scaled_dot_product_attention(x, x, x, attn_mask=mask)


torch.manual_seed(0)
x, may = torch.randn(1, 2, 3, 8), torch.tensor([[True, True, True], [False, False, False], [True, False, True]])
seen = {}
for name, mask in {"booleans": may, "numbers": torch.zeros(3, 3).masked_fill(~may, float("-inf"))}.items():
    path = tempfile.mktemp(suffix=".onnx")
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(Attention(), (x, mask), dynamo=True).save(path)
    own = Attention()(x, mask)
    found = torch.from_numpy(onnxruntime.InferenceSession(path).run(None, {"x": x.numpy(), "mask": mask.numpy()})[0])
    rest = float((own - found)[:, :, [0, 2]].abs().max())
    all_keys = float((found[:, :, 1] - x.mean(2)).abs().max())
    seen[name] = bool((own[:, :, 1] == 0).all()) and rest < 1e-5 and (all_keys < 1e-5 if name == "booleans" else bool(found[:, :, 1].isnan().all()))
    print(f"torch {torch.__version__} mask of {name}: a row that sees nothing is {own[0, 0, 1, :2].tolist()} in torch and {found[0, 0, 1, :2].tolist()} in onnxruntime"
          f" {onnxruntime.__version__}, {all_keys:.0e} from the mean of all; the other rows are {rest:.0e} apart")
raise SystemExit(0 if all(seen.values()) else 1)
PY
