#!/usr/bin/env bash
# torchmetrics 1.9.0 with torch 2.13.0: multi-label metrics with ignore_index=-1 where some rows have no label at all.
#
# Guess, written before the run: rows without a label are left out, so every metric is that of the labelled rows.
# Seen: accuracy, F1 and Jaccard are; exact match, ranking loss and ranking average precision count a row without any label as a
# perfect one, and coverage error as one that needs all labels. With a third of 60 rows labelled and predictions at random, exact match
# rises from 0.20 to 0.73. The documentation of ignore_index says that the value does not contribute to the metric.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "torchmetrics==1.9.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
import torchmetrics
from torchmetrics.functional import classification

torch.manual_seed(0)
scores, labels = torch.rand(60, 3), torch.randint(0, 2, (60, 3))
labelled = torch.arange(60) % 3 == 0
few = labels.where(labelled[:, None], torch.tensor(-1))
found = {}
for name in ("accuracy", "f1_score", "jaccard_index", "exact_match", "ranking_loss", "ranking_average_precision", "coverage_error"):
    metric = getattr(classification, f"multilabel_{name}")
    alone = float(metric(scores[labelled], labels[labelled], num_labels=3))
    found[name] = round(alone, 3), round(float(metric(scores, few, num_labels=3, ignore_index=-1)), 3)
print(f"torchmetrics {torchmetrics.__version__}: on the labelled rows, and with the others ignored: {found}")
third = {"exact_match": 1.0, "ranking_loss": 0.0, "ranking_average_precision": 1.0}  # what a row without a label counts
ok = all(a == b for name, (a, b) in found.items() if name in ("accuracy", "f1_score", "jaccard_index"))
ok &= all(abs((found[name][0] + 2 * value) / 3 - found[name][1]) < 2e-3 for name, value in third.items())
raise SystemExit(0 if ok else 1)
PY
