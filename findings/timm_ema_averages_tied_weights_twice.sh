#!/usr/bin/env bash
# timm 1.0.31 with torch 2.13.0: ModelEmaV3 (and ModelEmaV2), the moving average of weights, of a network with tied weights.
#
# Guess, written before the run: every weight has the decay that was asked for, tied ones too.
# Seen: tied weights, which stay tied in the average, are updated once per name: with decay .9 they have .81. After two updates towards 1 they
# are at .34 and the others at .19, with foreach or without. An average over a thousand steps is one over five hundred for an embedding
# that is also the output layer. ema_pytorch and torch.optim.swa_utils are right. No warning is given. The script loads timm's file on
# its own, because all of timm needs torchvision. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -m pip install -q --no-deps "timm==1.0.31"
"$folder/env/bin/python" -W ignore - <<'PY'
import importlib.util
import sys
import sysconfig
import torch

spec = importlib.util.spec_from_file_location("model_ema", sysconfig.get_paths()["purelib"] + "/timm/utils/model_ema.py")
timm = importlib.util.module_from_spec(spec)
spec.loader.exec_module(timm)


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.output, self.other = (torch.nn.Linear(3, 3, bias=False) for _ in range(3))
        self.output.weight = self.embedding.weight


def fill(model, value):
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(value)


def averages(make):
    model = Tied()
    fill(model, 0.0)
    average = make(model)
    fill(model, 1.0)
    for _ in range(2):
        getattr(average, "update_parameters", getattr(average, "update", None))(model)
    return average.module.embedding.weight[0, 0].item(), average.module.other.weight[0, 0].item()


def of_torch(model):
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    average.update_parameters(model)
    return average


makers = {"ModelEmaV3": lambda m: timm.ModelEmaV3(m, decay=0.9), "ModelEmaV3, no foreach": lambda m: timm.ModelEmaV3(m, decay=0.9, foreach=False),
          "ModelEmaV2": lambda m: timm.ModelEmaV2(m, decay=0.9), "torch": of_torch}
found = {name: averages(make) for name, make in makers.items()}
for name, (tied, other) in found.items():
    print(f"{name}: tied weights {tied:.3f}, other weights {other:.3f} (0.9 twice: {1 - 0.9**2:.3f}, four times: {1 - 0.9**4:.3f})")
right = all(abs(tied - (1 - 0.9**4)) < 1e-5 and abs(other - 0.19) < 1e-5 for name, (tied, other) in found.items() if name != "torch")
raise SystemExit(0 if right and abs(found["torch"][0] - 0.19) < 1e-5 else 1)
PY
