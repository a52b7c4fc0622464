#!/usr/bin/env bash
# segmentation-models-pytorch 0.6.0 with torch 2.13.0: metrics.iou_score (f1_score, accuracy, ...) with reduction="weighted-imagewise" and
# class_weights, the mean over images of the scores weighted by class.
#
# Expected: perfect predictions score 1, as with the other five reductions.
# Seen: they score 1/3 with three classes and 1/10 with ten: the weighted scores, whose weights sum to 1, are averaged over the classes where
# "weighted" adds them up. With equal weights the score is the macro score over the number of classes. No warning is given. The script loads the
# module of the metrics on its own, because all of the package needs torchvision. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import importlib.util
import subprocess
import sys
from importlib.metadata import distribution, version

subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "segmentation-models-pytorch==0.6.0"], check=True)
import torch

place = distribution("segmentation-models-pytorch").locate_file("segmentation_models_pytorch/metrics/functional.py")
spec = importlib.util.spec_from_file_location("functional", place)
metrics = importlib.util.module_from_spec(spec)
spec.loader.exec_module(metrics)

torch.manual_seed(0)
print(f"segmentation-models-pytorch {version('segmentation-models-pytorch')}: IoU of perfect predictions")
ok = True
for classes in (3, 10):
    masks = torch.randint(0, classes, (4, 32, 32))
    counts = metrics.get_stats(masks, masks, mode="multiclass", num_classes=classes)
    weights = [float(k + 1) for k in range(classes)]
    scores = {}
    for reduction in ("micro", "macro", "weighted", "micro-imagewise", "macro-imagewise", "weighted-imagewise"):
        options = {"class_weights": weights} if "weighted" in reduction else {}
        scores[reduction] = round(float(metrics.iou_score(*counts, reduction=reduction, **options)), 4)
    print(f"  {classes} classes: {scores}")
    ok &= abs(scores.pop("weighted-imagewise") - 1 / classes) < 1e-3 and all(v == 1 for v in scores.values())
raise SystemExit(0 if ok else 1)
PY
