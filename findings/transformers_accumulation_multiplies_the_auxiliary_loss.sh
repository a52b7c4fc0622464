#!/usr/bin/env bash
# transformers 5.24.0 with accelerate 1.15.0, torch 2.13.0: Trainer on a mixture of experts (Mixtral), gradient_accumulation_steps=4.
#
# Guess, written before the run: four micro-batches of one row and one batch of four rows move the router alike when the rows are
# the same, for the main loss as for the auxiliary loss of load balancing.
# Seen: the main loss does, and the auxiliary loss counts four times: its weight is router_aux_loss_coef times the number of
# micro-batches. The model divides the main loss by the tokens of the whole step, so Trainer divides nothing, and the
# auxiliary loss, a mean already, is added up. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "transformers==5.24.0" "accelerate==1.15.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import os
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import transformers
from transformers import MixtralConfig, MixtralForCausalLM, Trainer, TrainingArguments

transformers.logging.set_verbosity_error()
torch.manual_seed(0)
row = torch.randint(0, 50, (12,))
rows = [{"input_ids": row, "labels": row}] * 4

def moved(coefficient, micro_batches, folder):
    torch.manual_seed(0)
    model = MixtralForCausalLM(MixtralConfig(
        vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        num_local_experts=4, output_router_logits=True, router_aux_loss_coef=coefficient))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    Trainer(model=model, train_dataset=rows, args=TrainingArguments(
        output_dir=folder, per_device_train_batch_size=4 // micro_batches, gradient_accumulation_steps=micro_batches, max_steps=1,
        learning_rate=1.0, optim="sgd", lr_scheduler_type="constant", max_grad_norm=0, report_to=[], use_cpu=True,
        disable_tqdm=True, save_strategy="no", logging_strategy="no")).train()
    return torch.cat([(p.detach() - before[name]).flatten() for name, p in model.named_parameters()])

with tempfile.TemporaryDirectory() as folder:
    main, main_4 = moved(0.0, 1, folder), moved(0.0, 4, folder)
    auxiliary, auxiliary_4 = moved(1.0, 1, folder) - main, moved(1.0, 4, folder) - main_4
main_ratio, auxiliary_ratio = float(main_4.norm() / main.norm()), float(auxiliary_4.norm() / auxiliary.norm())
print(f"transformers {transformers.__version__}: step by 4 micro-batches over step by one batch: main loss {main_ratio:.3f},"
      f" auxiliary loss {auxiliary_ratio:.3f}")
raise SystemExit(0 if abs(main_ratio - 1) < 0.01 and abs(auxiliary_ratio - 4) < 0.1 else 1)
PY
