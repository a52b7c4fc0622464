#!/usr/bin/env bash
# transformers 5.24.0 with accelerate 1.15.0, torch 2.13.0: eval_loss of Trainer.evaluate for a task with few labelled tokens.
#
# Guess, written before the run: eval_loss of a token classification with few labels does not depend on per_device_eval_batch_size.
# Seen: it does: each batch's mean over its labelled tokens is weighed by its number of rows, not of labels, so a row with one label
# counts as much as a row with six if they are in different batches. Ten rows, five with one label and five with six, give 1.50 as
# one batch, which is the mean over labels, and 1.41 in batches of one. The best checkpoint by eval_loss depends on it. No
# warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "transformers==5.24.0" "accelerate==1.15.0" "numpy==2.4.6"
export HF_HUB_OFFLINE=1 HOME="$folder"
"$folder/env/bin/python" -W ignore - "$folder" <<'PY'
import sys

import torch
import torch.nn.functional as F
from transformers import BertConfig, BertForTokenClassification, Trainer, TrainingArguments, logging

logging.set_verbosity_error()
config = BertConfig(
    vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=3,
)  # fmt: skip
torch.manual_seed(0)
words, labels = torch.randint(5, 30, (10, 6)), torch.randint(0, 3, (10, 6))
labels[::2, 1:] = -100  # one label in these rows, six in the others
rows = [{"input_ids": words[i], "attention_mask": torch.ones(6).long(), "labels": labels[i]} for i in range(10)]
model = BertForTokenClassification(config).eval()
with torch.no_grad():
    model.classifier.weight.mul_(20)
    true = F.cross_entropy(model(words).logits.reshape(-1, 3), labels.reshape(-1)).item()
print(f"mean over the labelled tokens {true:.4f}")
found = {}
for size in (1, 2, 5, 10):
    options = TrainingArguments(sys.argv[1], per_device_eval_batch_size=size, use_cpu=True, report_to=[], disable_tqdm=True)
    found[size] = Trainer(model, options, eval_dataset=rows).evaluate()["eval_loss"]
    print(f"batches of {size}: eval_loss {found[size]:.4f}")
sys.exit(0 if abs(found[10] - true) < 1e-4 and abs(found[1] - true) > 0.02 else 1)
PY
