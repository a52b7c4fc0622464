#!/usr/bin/env bash
# pytorch-widedeep 1.7.0 with torch 2.13.0: MultiTargetClassificationLoss(binary_config=[0, 1], weights=[...]) ("list of weights to apply to the loss
# associated to each target"), several binary targets learned together.
#
# Expected: the loss is the mean (or sum) of the targets' losses times their weights.
# Seen: the weights are ignored where all targets are binary: [1, 0], [0, 1] and [100, 1] give the same loss and gradient, so a target of weight 0 is
# trained like the other. They take effect as soon as one target has more than two classes. No warning is given. The script loads the module of the
# losses on its own, because all of the package needs torchvision. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import importlib.util
import subprocess
import sys
import types
import typing
from importlib.metadata import distribution, version

subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "pytorch-widedeep==1.7.0"], check=True)
import torch
from torch.nn import functional as F

names = types.ModuleType("pytorch_widedeep.wdtypes")  # the names of types that the modules import
names.__dict__.update({n: getattr(typing, n) for n in ("Any", "Dict", "List", "Tuple", "Union", "Literal", "Optional")} | {"Tensor": torch.Tensor})
sys.modules["pytorch_widedeep.wdtypes"] = names
for module, place in (("pytorch_widedeep.utils.general_utils", "utils/general_utils.py"), ("losses", "losses_multitarget.py")):
    spec = importlib.util.spec_from_file_location(module, distribution("pytorch-widedeep").locate_file(f"pytorch_widedeep/{place}"))
    sys.modules[module] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[module])
losses = sys.modules["losses"]

torch.manual_seed(0)
output, targets = torch.randn(50, 2), torch.randint(0, 2, (50, 2))
single = [float(F.binary_cross_entropy_with_logits(output[:, k], targets[:, k].float())) for k in range(2)]
print(f"pytorch-widedeep {version('pytorch-widedeep')}: losses of two binary targets {[round(v, 4) for v in single]}")
found, right, slopes = [], [], []
for weights in ([1.0, 0.0], [0.0, 1.0], [100.0, 1.0]):
    leaf = output.clone().requires_grad_()
    loss = losses.MultiTargetClassificationLoss(binary_config=[0, 1], weights=weights, reduction="sum")(leaf, targets)
    slopes.append(torch.autograd.grad(loss, leaf)[0])
    found.append(float(loss.detach()))
    right.append(sum(w * v for w, v in zip(weights, single)))
    print(f"  weights {weights}: loss {found[-1]:.4f}, weighted sum {right[-1]:.4f}, gradients' lengths by target {[round(v, 4) for v in slopes[-1].norm(dim=0).tolist()]}")
three = torch.stack([targets[:, 0], torch.randint(0, 3, (50,))], 1)
mixed = [float(losses.MultiTargetClassificationLoss(binary_config=[0], multiclass_config=[(1, 3)], weights=w, reduction="sum")(torch.cat([output, output], 1), three)) for w in ([1.0, 0.0], [0.0, 1.0])]
print(f"  with a target of three classes beside a binary one, weights [1, 0] and [0, 1]: {[round(v, 4) for v in mixed]}")
raise SystemExit(0 if max(found) - min(found) < 1e-6 and torch.equal(slopes[0], slopes[2]) and max(right) > 10 * min(right) and abs(mixed[0] - mixed[1]) > 1e-3 else 1)
PY
