#!/usr/bin/env bash
# torch 2.13.0 with onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.31.1: torch.onnx.export of a module that returns
# F.cross_entropy(label_smoothing=0.1).
#
# Guess, written before the run: the ONNX model gives torch's loss to 1e-4, or the export is refused.
# Seen: the graph holds ONNX's SoftmaxCrossEntropyLoss, which knows no smoothing, and the option is left out: the file gives the plain cross-
# entropy. Class weights and ignore_index are kept. No warning is given. Exits non-zero if the behaviour changes.
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


class Loss(torch.nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.options = options

    def forward(self, logits, labels):
        return F.cross_entropy(logits, labels, **self.options)


torch.manual_seed(0)
logits, labels, off = torch.randn(4, 5), torch.tensor([0, -100, 2, 1]), {}
for name, options in {"smoothing": {"label_smoothing": 0.1}, "weights": {"weight": torch.arange(1.0, 6.0)}}.items():
    path = tempfile.mktemp(suffix=".onnx")
    with contextlib.redirect_stdout(io.StringIO()):
        torch.onnx.export(Loss(**options), (logits, labels), dynamo=True).save(path)
    found = float(onnxruntime.InferenceSession(path).run(None, {"logits": logits.numpy(), "labels": labels.numpy()})[0])
    own, plain = float(F.cross_entropy(logits, labels, **options)), float(F.cross_entropy(logits, labels))
    off[name] = abs(found - own), abs(found - plain)
    print(f"torch {torch.__version__} {name}: torch {own:.4f}, the ONNX file {found:.4f}, the loss without the option {plain:.4f}")
raise SystemExit(0 if off["smoothing"][1] < 1e-6 < 1e-3 < off["smoothing"][0] and off["weights"][0] < 1e-4 else 1)
PY
