"""
A Hugging Face Trainer
======================

The weights of two auxiliary tasks are learned while a Hugging Face Trainer trains a small BERT. One of them
is noise. This tutorial needs the packages `transformers` and `accelerate`.
"""

import os

import torch
from torch import nn
from transformers import BertConfig, BertModel, Trainer, TrainerCallback, TrainingArguments

import auxin
from auxin.tasks.classes import Classes

STEPS = int(os.environ.get("AUXIN_EXAMPLE_STEPS", "100"))
TASKS = {"topic": Classes("topic", 3), "tone": Classes("tone", 2), "noise": Classes("noise", 2)}


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bert = BertModel(BertConfig(vocab_size=50, hidden_size=48, num_hidden_layers=2))
        self.heads = nn.ModuleDict({name: nn.Linear(48, task.width) for name, task in TASKS.items()})

    def forward(self, input_ids: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.bert(input_ids).last_hidden_state.mean(1)
        return {name: head(features) for name, head in self.heads.items()}


class AuxiliaryTrainer(Trainer):
    aux: auxin.Auxiliary

    def compute_loss(self, model: nn.Module, inputs: dict, return_outputs: bool = False, **_: int) -> object:
        loss = self.aux(outputs := model(inputs["input_ids"]), inputs)
        return (loss, outputs) if return_outputs else loss


class AfterStep(TrainerCallback):
    def __init__(self, aux: auxin.Auxiliary, meta: object) -> None:
        self.aux, self.meta = aux, meta

    def on_optimizer_step(self, *_: object, optimizer: torch.optim.Optimizer, **__: object) -> None:
        self.aux.after_step(optimizer, self.meta)


def main() -> None:
    torch.manual_seed(0)
    ids = torch.randint(50, (600, 12))
    columns = {"input_ids": ids, "topic": ids[:, 0] % 3, "tone": ids[:, 0] % 2, "noise": ids[:, 5] % 2}
    rows = [{name: column[i] for name, column in columns.items()} for i in range(500)]
    meta, model = {name: column[500:] for name, column in columns.items()}, Reader()
    quiet = {"report_to": [], "save_strategy": "no", "use_cpu": True, "disable_tqdm": True}
    args = TrainingArguments(max_steps=STEPS, remove_unused_columns=False, **quiet)
    same = {"inputs": ("input_ids",), "clip_norm": args.max_grad_norm}  # as in Trainer
    aux = auxin.Auxiliary(model, main="topic", tasks=TASKS, every=5, lr=0.05, **same)
    trainer = AuxiliaryTrainer(model, args, train_dataset=rows, callbacks=[AfterStep(aux, meta)])
    trainer.aux = aux
    trainer.train()
    print("weights", {name: round(weight, 2) for name, weight in aux.weights().items()})


if __name__ == "__main__":
    main()
