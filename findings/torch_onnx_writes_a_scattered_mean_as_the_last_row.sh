#!/usr/bin/env bash
# torch 2.13.0 with onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.31.1: torch.onnx.export of Tensor.scatter_reduce(reduce="mean"), the mean over
# groups of rows (nodes of a graph, points of a cell, words of a sentence).
#
# Guess, written before the run: the ONNX model gives the mean to 1e-5, or the export is refused, since ONNX's ScatterElements knows sums,
# products, maxima and minima only.
# Seen: it gives the last row of each group, as if nothing were to be reduced: -2 instead of 0.25 for 2.5 and -2. With include_self too.
# "sum", "prod", "amax" and "amin" are right. So an exported network with mean pooling sees one node of each graph, and which one depends on the
# order. No warning is given; index_add divided by the counts is right. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "onnx==1.23.2" "onnxscript==0.7.2" "onnxruntime==1.31.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import logging
import numpy as np
import onnxruntime
import torch

logging.disable(logging.WARNING)


class Pool(torch.nn.Module):
    def __init__(self, reduce):
        super().__init__()
        self.reduce = reduce

    def forward(self, x, group):
        return torch.zeros(2).scatter_reduce(0, group, x, self.reduce, include_self=False)


x, group = torch.tensor([-3.0, 1.0, 2.5, -2.0]), torch.tensor([0, 0, 1, 1])
found = {}
for reduce in ("sum", "prod", "amax", "amin", "mean"):
    program = torch.onnx.export(Pool(reduce).eval(), (x, group), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    exported = session.run(None, {i.name: v.numpy() for i, v in zip(session.get_inputs(), (x, group), strict=True)})[0]
    found[reduce] = Pool(reduce)(x, group).numpy(), exported
    print(f"{reduce}: torch {found[reduce][0].tolist()}, ONNX {exported.tolist()}")
print("torch", torch.__version__)
right = all(np.allclose(*found[reduce]) for reduce in found if reduce != "mean")
raise SystemExit(0 if right and found["mean"][1].tolist() == [1.0, -2.0] and np.allclose(found["mean"][0], [-1.0, 0.25]) else 1)
PY
