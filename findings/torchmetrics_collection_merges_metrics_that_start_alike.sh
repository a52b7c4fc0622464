#!/usr/bin/env bash
# torchmetrics 1.9.0 with torch 2.13.0: MetricCollection of one metric with two settings (compute groups, on by default).
#
# Guess, written before the run: each member's value equals that of the metric alone, for metrics that differ only by ignore_index,
# average, threshold or top_k.
# Seen: after the first batch, members whose states happen to be equal share one state for good. Where every score of the
# first batch is below 0.3 or above 0.7, accuracies at the thresholds 0.3 and 0.5 stay equal for ever. Where the first batch has no
# row of class 1, the matrix with ignore_index=1 counts that class in all later batches. No warning is given;
# compute_groups=False is right. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "torchmetrics==1.9.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys

import torch
from torchmetrics import MetricCollection
from torchmetrics.classification import BinaryAccuracy, MulticlassAccuracy

torch.manual_seed(0)


def compare(title, made, batches):
    alone = {}
    for name, make in made.items():
        metric = make()
        for batch in batches:
            metric.update(*batch)
        alone[name] = metric.compute().item()
    off = {}
    for groups in (True, False):
        together = MetricCollection({name: make() for name, make in made.items()}, compute_groups=groups)
        for batch in batches:
            together.update(*batch)
        found = {name: value.item() for name, value in together.compute().items()}
        off[groups] = max(abs(found[name] - alone[name]) for name in made)
        print(f"{title}, compute_groups={groups}:", {name: (round(alone[name], 3), round(found[name], 3)) for name in made}, "(alone, in the collection)")
    return off[True] > 0.01 and off[False] < 1e-6


labels = torch.randint(0, 2, (60,))
sure, unsure = torch.tensor([0.1, 0.9])[torch.randint(0, 2, (30,))], torch.rand(30)
thresholds = compare(
    "threshold",
    {"at_30": lambda: BinaryAccuracy(0.3), "at_50": lambda: BinaryAccuracy(0.5)},
    [(sure, labels[:30]), (unsure, labels[30:])],
)
scores = torch.randn(60, 3).softmax(1)
first, later = torch.randint(0, 2, (30,)) * 2, torch.randint(0, 3, (30,))
ignored = compare(
    "ignore_index",
    {
        "all": lambda: MulticlassAccuracy(3, average="micro"),
        "without_1": lambda: MulticlassAccuracy(3, average="micro", ignore_index=1),
    },
    [(scores[:30], first), (scores[30:], later)],
)
sys.exit(0 if thresholds and ignored else 1)
PY
