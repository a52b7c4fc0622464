#!/usr/bin/env bash
# transformers 5.24.0 with accelerate 1.15.0, torch 2.13.0: Trainer with label_smoothing_factor on a mixture of experts (Mixtral).
#
# Guess, written before the run: the router's auxiliary loss stays in the training loss; smoothing changes the cross-entropy alone.
# Seen: Trainer takes the labels out of the batch and computes the smoothed loss from the logits itself, so the model adds up no loss. The router
# trains as if its auxiliary loss had the weight 0, however small the smoothing is. The same holds for every loss that a model adds inside
# forward (a second head, a penalty). No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "transformers==5.24.0" "accelerate==1.15.0"
"$folder/env/bin/python" -W ignore - <<'PY'
import contextlib
import io
import logging
import tempfile

import torch
import transformers
from transformers import MixtralConfig, MixtralForCausalLM, Trainer, TrainingArguments

logging.disable(logging.WARNING)
rows = torch.randint(0, 13, (4, 6), generator=torch.Generator().manual_seed(0))
data = [{"input_ids": row, "labels": row.clone()} for row in rows]
SMALL = {"vocab_size": 13, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "num_local_experts": 4}


def router_after_training(smoothing, weight):
    torch.manual_seed(0)
    model = MixtralForCausalLM(MixtralConfig(**SMALL, output_router_logits=True, router_aux_loss_coef=weight, max_position_embeddings=16))
    options = {"max_steps": 3, "per_device_train_batch_size": 4, "report_to": [], "use_cpu": True, "disable_tqdm": True, "save_strategy": "no", "learning_rate": 0.01}
    with contextlib.redirect_stdout(io.StringIO()):
        Trainer(model, TrainingArguments(tempfile.mkdtemp(), label_smoothing_factor=smoothing, **options), train_dataset=data).train()
    return next(p.detach().clone() for name, p in model.named_parameters() if ".gate." in name or "router" in name)


effect = {}
for smoothing in (0.0, 1e-6, 0.1):
    effect[smoothing] = float((router_after_training(smoothing, 5.0) - router_after_training(smoothing, 0.0)).abs().max())
    print(f"transformers {transformers.__version__} label_smoothing_factor={smoothing}: an auxiliary loss of weight 5 moves the router by {effect[smoothing]:.2g} from where weight 0 leaves it")
raise SystemExit(0 if effect[0.0] > 1e-3 and effect[1e-6] == effect[0.1] == 0 else 1)
PY
