#!/usr/bin/env bash
# transformers 5.24.0 with accelerate 1.15.0, torch 2.13.0: Trainer on a classifier (BertForSequenceClassification) with accumulation.
#
# Expected: five micro-batches of two rows move the classifier as one batch of the same ten rows does, for a loss that is a mean over rows.
# Seen: the step is five times as long with gradient_accumulation_steps=5. Trainer divides by the number of micro-batches only if the
# model's forward takes no further keyword arguments; this one takes them, and its loss ignores the number of items that it is
# given. So the learning rate of SGD, and the share of the loss against weight decay and clipping, grow with accumulation.
# Tokens' labels do the same (BertForTokenClassification). No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "transformers==5.24.0" "accelerate==1.15.0" "numpy==2.4.6"
export HF_HUB_OFFLINE=1 HOME="$folder"
"$folder/env/bin/python" -W ignore - "$folder" <<'PY'
import sys

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, logging

logging.set_verbosity_error()
config = BertConfig(
    vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=3,
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
torch.manual_seed(0)
words = torch.randint(5, 30, (10, 6))
rows = [{"input_ids": words[i], "attention_mask": torch.ones(6).long(), "labels": torch.tensor(i % 3)} for i in range(10)]


def moved(rows_at_once, times):
    torch.manual_seed(0)
    model = BertForSequenceClassification(config)
    before = model.classifier.weight.detach().clone()
    options = TrainingArguments(
        sys.argv[1], per_device_train_batch_size=rows_at_once, gradient_accumulation_steps=times, max_steps=1,
        learning_rate=0.1, lr_scheduler_type="constant", optim="sgd", max_grad_norm=0.0, use_cpu=True,
        save_strategy="no", report_to=[], disable_tqdm=True,
    )  # fmt: skip
    Trainer(model, options, train_dataset=rows).train()
    return model.classifier.weight.detach() - before


whole = moved(10, 1)
ratios = {}
for rows_at_once, times in ((5, 2), (2, 5), (1, 10)):
    step = moved(rows_at_once, times)
    ratios[times] = ((step * whole).sum() / whole.square().sum()).item()
    print(f"{times} micro-batches of {rows_at_once}: the step is {ratios[times]:.3f} times that of one batch of ten")
sys.exit(0 if all(abs(ratio - times) < 0.01 * times for times, ratio in ratios.items()) else 1)
PY
