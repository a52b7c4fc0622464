#!/usr/bin/env bash
# torch 2.13.0 with onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.31.1: torch.onnx.export of F.logsigmoid, torch.logaddexp, log1p and expm1.
#
# Guess, written before the run: the ONNX model gives torch's numbers to 1e-3.
# Seen: they are exported by their textbook formulas. logsigmoid(-50) is -inf instead of -50 (from -18 on), logaddexp(100, -100) is inf instead of 100, and
# log1p and expm1 of 1e-9 are 0. So a multi-label head or a mixture that puts
# out log-probabilities gives -inf for rows that it is sure of, and differences of two of them are NaN. softplus, log_softmax and logsumexp
# are right. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "onnx==1.23.2" "onnxscript==0.7.2" "onnxruntime==1.31.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import logging
import onnxruntime
import torch
import torch.nn.functional as F

logging.disable(logging.WARNING)


class Function(torch.nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, x):
        return self.f(x)


def both(f, *values):
    x = torch.tensor(values)
    program = torch.onnx.export(Function(f).eval(), (x,), dynamo=True, verbose=False)
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    return f(x).tolist(), session.run(None, {session.get_inputs()[0].name: x.numpy()})[0].tolist()


functions = {"logsigmoid": (F.logsigmoid, -50.0, -1.0), "logaddexp(x, -x)": (lambda x: torch.logaddexp(x, -x), 100.0, 1.0),
             "log1p": (torch.log1p, 1e-9, 1.0), "expm1": (torch.expm1, 1e-9, 1.0), "softplus": (F.softplus, -50.0, 1.0), "log_softmax": (lambda x: F.log_softmax(x, 0), -50.0, 1.0)}
found = {name: both(*arguments) for name, arguments in functions.items()}
for name, (own, exported) in found.items():
    print(f"{name} of {functions[name][1]:g} and {functions[name][2]:g}: torch {['%.3g' % v for v in own]}, ONNX {['%.3g' % v for v in exported]}")
print("torch", torch.__version__)
first = {name: exported[0] for name, (_, exported) in found.items()}
right = all(abs(exported[1] - own[1]) < 1e-3 for own, exported in found.values())
right = right and first["logsigmoid"] == -float("inf") and first["logaddexp(x, -x)"] == float("inf") and first["log1p"] == first["expm1"] == 0
raise SystemExit(0 if right and abs(first["log_softmax"] + 51) < 1e-3 else 1)
PY
