#!/usr/bin/env bash
# pytorch-metric-learning 2.9.0 with torch 2.13.0: losses.SmoothAPLoss, one minus a smooth average precision of each row.
#
# Guess, written before the run: rows whose class is far from all others have a loss of 0, as they have average precision 1; the order of the
# rows does not matter.
# Seen: so it is where there are as many classes as rows of a class. Otherwise the loss is of other groups: it divides the number of rows by the
# number of classes, takes the result (the rows of one class) for the number of classes, and cuts the batch into so many groups of
# neighbours. 16 classes of 4 rows, the usual kind of batch, are taken for 4 classes of 16, and a perfect embedding has a loss of .48. With the
# classes in turn the loss is .57 also for 3 classes of 3 rows. Classes of unequal size are refused with an error; these batches are not.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "pytorch-metric-learning==2.9.0" "numpy==2.4.6" "scikit-learn==1.9.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import pytorch_metric_learning
import torch
from pytorch_metric_learning.losses import SmoothAPLoss

torch.manual_seed(0)

def formula(embeddings, labels, temperature=0.01):
    unit = torch.nn.functional.normalize(embeddings)
    similar = unit @ unit.T
    above = torch.sigmoid((similar[:, None, :] - similar[:, :, None]) / temperature) * (1 - torch.eye(len(labels)))
    same = (labels[:, None] == labels).float()
    precision = ((above * same[:, None, :]).sum(-1) + 1) / (above.sum(-1) + 1)
    return float(1 - ((precision * same).sum(1) / same.sum(1)).mean())

right = {}
for classes, rows in ((3, 3), (4, 4), (4, 2), (2, 4), (8, 4), (16, 4)):
    labels = torch.arange(classes).repeat_interleave(rows)
    apart = torch.eye(16)[labels] + 0.01 * torch.randn(len(labels), 16)
    found, true = float(SmoothAPLoss()(apart, labels)), formula(apart, labels)
    order = torch.arange(len(labels)).view(classes, rows).T.reshape(-1)
    turned, true_turned = float(SmoothAPLoss()(apart[order], labels[order])), formula(apart[order], labels[order])
    print(f"pytorch-metric-learning {pytorch_metric_learning.__version__}, {classes} classes of {rows} rows, far apart: loss {found:.4f}, formula {true:.4f};"
          f" classes in turn: loss {turned:.4f}, formula {true_turned:.4f}")
    right[classes == rows] = right.get(classes == rows, True) and true < 1e-4 and true_turned < 1e-4 and (found < 1e-4 if classes == rows else found > 0.1) and (
        turned > 0.1)
raise SystemExit(0 if all(right.values()) else 1)
PY
