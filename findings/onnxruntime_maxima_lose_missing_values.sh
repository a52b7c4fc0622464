#!/usr/bin/env bash
# onnxruntime 1.31.1 with onnx 1.23.2: MaxPool and ReduceMax over values with NaN (max pooling of images, points, sets).
#
# Guess, written before the run: both give NaN, as torch, numpy and the operators Max and Relu of onnxruntime itself do.
# Seen: MaxPool gives the maximum of the other values, so a network whose inputs are broken or missing answers like one whose inputs
# are whole, where the exported module gave NaN. ReduceMax keeps some NaN and loses others, by their place: (1, NaN, -1) gives 1 and
# (NaN, 2, 3) gives NaN. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "onnx==1.23.2" "onnxruntime==1.31.1" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

nan = float("nan")
x = np.array([[[1, nan, -1], [nan, 2, 3], [-1, 0, nan]]], np.float32)


def run(operator, *constants, **options):
    names = [f"constant{place}" for place in range(len(constants))]
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", *names], ["y"], **options)],
        operator,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [helper.make_tensor(name, kind, np.shape(value), np.ravel(value)) for name, (kind, value) in zip(names, constants)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


pooled = run("MaxPool", kernel_shape=[3]).ravel()
reduced = run("ReduceMax", (TensorProto.INT64, [2]), keepdims=0).ravel()
larger = run("Max", (TensorProto.FLOAT, [0.0])).ravel()
relu = run("Relu").ravel()
print("rows:", x[0].tolist())
print("numpy's maximum of the rows:", x[0].max(1).tolist())
print("MaxPool over each row:", pooled.tolist())
print("ReduceMax of each row:", reduced.tolist())
print("Max(x, 0) and Relu keep NaN:", bool(np.isnan(larger).sum() == 3), bool(np.isnan(relu).sum() == 3))
kept = np.isnan(larger).sum() == 3 and np.isnan(relu).sum() == 3 and np.isnan(x[0].max(1)).all()
lost = pooled.tolist() == [1.0, 3.0, 0.0] and np.isnan(reduced).sum() < 3
sys.exit(0 if kept and lost else 1)
PY
