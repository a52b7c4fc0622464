#!/usr/bin/env bash
# torch 2.13.0 (onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.31.1): the ONNXProgram that torch.onnx.export returns, called with keyword arguments
# or with a dictionary.
#
# Expected: the inputs go where their names say ("Run the ONNX model with the same arguments you would provide to the GraphModule"), as in the
# module and in torch.export's program; or another order than the export's is refused.
# Seen: the values are taken in the order of the call. program(b=b, a=a) gives a to the input b and b to the input a, and so does a dictionary that
# was made in another order, also in call_reference. The written file itself is right. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "onnx==1.23.2" "onnxscript==0.7.2" "onnxruntime==1.31.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch


class Keywords(torch.nn.Module):
    def forward(self, a, b):
        return a - 2 * b


class Dictionary(torch.nn.Module):
    def forward(self, x):
        return x["a"] - 2 * x["b"]


a, b = torch.tensor([1.0, 2.0]), torch.tensor([10.0, 20.0])
right, exchanged, found = a - 2 * b, b - 2 * a, []
cases = (
    ("keywords", Keywords(), (), {"a": a, "b": b}, {"b": b, "a": a}),
    ("a dictionary", Dictionary(), ({"a": a, "b": b},), {}, {"b": b, "a": a}),
)
for name, module, arguments, keywords, turned in cases:
    program = torch.onnx.export(module, (*arguments, keywords), dynamo=True, verbose=False)  # a last dictionary is the keywords
    call, plain = ((), turned) if keywords else ((turned,), {}), (arguments, keywords)
    results = [module(*call[0], **call[1]), *program(*plain[0], **plain[1]), *program(*call[0], **call[1]), *program.call_reference(*call[0], **call[1])]
    graph = torch.export.export(module, arguments, keywords).module()
    results.append(graph(*call[0], **call[1]))
    words = ("the module", "the program in the export's order", "the program in another order", "call_reference", "torch.export in another order")
    print(f"torch {torch.__version__}, {name}: " + "; ".join(f"{w} {r.tolist()}" for w, r in zip(words, results)))
    wanted = (right, right, exchanged, exchanged, right)
    found += [torch.equal(r, w) for r, w in zip(results, wanted)]
raise SystemExit(0 if all(found) else 1)
PY
