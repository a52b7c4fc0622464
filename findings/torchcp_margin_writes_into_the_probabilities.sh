#!/usr/bin/env bash
# torchcp 1.2.1 with torch 2.13.0: the score Margin(score_type="identity"), which takes probabilities.
#
# Guess, written before the run: a score reads its input, and thresholds of two predictors that are calibrated on one tensor are each as if alone.
# Seen: the tensor of probabilities has -1 in the place of every label afterwards. Every rival that is calibrated on the same tensor after
# it (here LAC) takes each label for the least probable class, and its sets hold all classes; the accuracy read from the tensor is 0.
# Logits with the default score_type are safe, because softmax makes a new tensor. No warning is given. The script steps over the
# package's __init__, which needs a compiler for torchsort. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "tqdm==4.67.1"
"$folder/env/bin/python" -m pip install -q --no-deps "torchcp==1.2.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys
import sysconfig
import types
from importlib.metadata import version

import torch

for name in ("torchcp", "torchcp.classification"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [sysconfig.get_paths()["purelib"] + "/" + name.replace(".", "/")]
from torchcp.classification.predictor import SplitPredictor
from torchcp.classification.score import LAC, Margin

torch.manual_seed(0)
logits = 3 * torch.randn(2000, 5)
first, labels = logits.softmax(1), torch.multinomial(logits.softmax(1), 1)[:, 0]
found = {}
for order in (("LAC",), ("Margin", "LAC")):
    probabilities = first.clone()
    for name in order:
        score = {"LAC": LAC, "Margin": Margin}[name](score_type="identity")
        predictor = SplitPredictor(score, alpha=0.1, device="cpu")
        predictor.calculate_threshold(probabilities, labels)
    size = predictor.predict_with_logits(first).sum(1).float().mean().item()
    changed = (probabilities != first).float().sum(1).mean().item()
    found[order] = changed, size
    print(f"torchcp {version('torchcp')} calibrated in the order {' then '.join(order)}: {changed:.0f} of 5 probabilities of a row have changed, smallest {probabilities.min():.2f}, LAC's sets hold {size:.2f} classes")
raise SystemExit(0 if found[("LAC",)][0] == 0 and found[("Margin", "LAC")][0] == 1 and found[("Margin", "LAC")][1] > 4.9 > found[("LAC",)][1] else 1)
PY
