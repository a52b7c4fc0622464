#!/usr/bin/env bash
# transformers 5.24.0 with accelerate 1.15.0, torch 2.13.0: Trainer.evaluate of a model with main and auxiliary labels on rows without
# the auxiliary ones.
#
# Guess, written before the run: eval_loss is that of the labels that are there, since the model's forward gives one.
# Seen: neither eval_loss nor any result of compute_metrics is in the dictionary that evaluate returns. Trainer takes every argument of forward
# whose name contains "label" for a label (labels, aux_labels) and, if one of them is missing, treats the whole batch as unlabelled. The main
# labels stand in the batch and are not used. With the auxiliary labels both are there; so they are with label_names=["labels"].
# No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "transformers==5.24.0" "accelerate==1.15.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import logging
import tempfile
import torch
import torch.nn.functional as F
import transformers
from transformers import Trainer, TrainingArguments

logging.disable(logging.WARNING)
torch.manual_seed(0)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.main, self.auxiliary = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)

    def forward(self, x=None, labels=None, aux_labels=None):
        logits = self.main(x)
        loss = F.cross_entropy(logits, labels)
        if aux_labels is not None:
            loss = loss + 0.3 * F.cross_entropy(self.auxiliary(x), aux_labels)
        return {"loss": loss, "logits": logits}


rows = [{"x": torch.randn(3), "labels": i % 2, "aux_labels": i % 2} for i in range(8)]
plain = [{"x": row["x"], "labels": row["labels"]} for row in rows]


def evaluated(data, **options):
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(folder, report_to=[], use_cpu=True, disable_tqdm=True, **options)
        trainer = Trainer(Model(), arguments, eval_dataset=data, compute_metrics=lambda p: {"accuracy": 1.0})
        trainer.remove_callback(transformers.PrinterCallback)
        return {key for key in trainer.evaluate() if key in ("eval_loss", "eval_accuracy")}


whole, partly, named = evaluated(rows), evaluated(plain), evaluated(plain, label_names=["labels"])
print(f"transformers {transformers.__version__}: with auxiliary labels {sorted(whole)}, without {sorted(partly)}, without and label_names=['labels'] {sorted(named)}")
both = {"eval_loss", "eval_accuracy"}
raise SystemExit(0 if whole == both and not partly and named == both else 1)
PY
