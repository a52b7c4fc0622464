#!/usr/bin/env bash
# pytorch-widedeep 1.7.0 with torch 2.13.0: MultiTargetClassificationLoss(multiclass_config=[(0, 3), (1, 4)]), two targets of 3 and 4 classes learned
# together from 7 outputs.
#
# Expected: the first target takes the outputs 0 to 2 and the second one 3 to 6.
# Seen: each target takes its number of outputs from the place of its own COLUMN on: 0 to 2 and 1 to 4. Two targets share two outputs, and the last two
# outputs have no gradient and are never trained. Two targets that a linear model can both predict are not learned well together: the loss ends
# at 0.39 where it ends at 0.05. No warning is given. The script loads the module of the losses on its own, because all of the package needs torchvision.
# Exits non-zero if the behaviour changes.
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
x = torch.randn(200, 5)
targets = torch.stack([(x @ torch.randn(5, 3)).argmax(1), (x @ torch.randn(5, 4)).argmax(1)], 1)

def own(output, y):
    return (F.cross_entropy(output[:, :3], y[:, 0]) + F.cross_entropy(output[:, 3:], y[:, 1])) / 2

def train(loss):
    weight = torch.zeros(5, 7, requires_grad=True)
    optimizer = torch.optim.Adam([weight], lr=0.1)
    for _ in range(600):
        optimizer.zero_grad()
        value = loss(x @ weight, targets)
        value.backward()
        optimizer.step()
    return float(value.detach()), weight.grad.norm(dim=0), weight.detach()

print(f"pytorch-widedeep {version('pytorch-widedeep')}, targets of 3 and 4 classes, 7 outputs, a linear model")
package = train(losses.MultiTargetClassificationLoss(multiclass_config=[(0, 3), (1, 4)], reduction="mean"))
apart = train(own)
untrained = (package[2] == 0).all(0).tolist()
print(f"  loss after 600 steps: with the package's loss {package[0]:.3f}, with an output of its own for each class {apart[0]:.3f}")
print(f"  outputs that the package's loss never trains: {[k for k, u in enumerate(untrained) if u]}")
output = torch.randn(200, 7)
found = float(losses.MultiTargetClassificationLoss(multiclass_config=[(0, 3), (1, 4)], reduction="mean")(output, targets))
shared = float((F.cross_entropy(output[:, 0:3], targets[:, 0]) + F.cross_entropy(output[:, 1:5], targets[:, 1])) / 2)
print(f"  on random outputs {found:.4f}; outputs 0-2 and 1-4: {shared:.4f}; outputs 0-2 and 3-6: {float(own(output, targets)):.4f}")
raise SystemExit(0 if untrained == [False] * 5 + [True] * 2 and package[0] > 3 * apart[0] and abs(found - shared) < 1e-5 and abs(found - float(own(output, targets))) > 1e-3 else 1)
PY
