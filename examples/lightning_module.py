"""
A Lightning module
==================

The weights of two auxiliary tasks are learned inside a Lightning module, by a held-out batch at every tenth
step. The learned weights are part of the checkpoint. This tutorial needs the package `lightning`.
"""

import logging
import os
from typing import Any

import lightning
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader

import auxin
from auxin.tasks.classes import Classes

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)  # its remarks on the machine
STEPS = int(os.environ.get("AUXIN_EXAMPLE_STEPS", "300"))
TASKS = {"digit": Classes("digit", 10), "odd": Classes("odd", 2), "large": Classes("large", 2)}


class Digits(lightning.LightningModule):
    def __init__(self, meta: DataLoader) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 14))
        split = lambda out: dict(zip(TASKS, out.split([10, 2, 2], 1), strict=True))  # noqa: E731
        self.aux = auxin.Auxiliary(self.network, main="digit", tasks=TASKS, outputs=split, every=10, lr=0.05)
        self.meta = meta

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        return self.aux(self.network(batch["x"]), batch)

    def on_train_batch_end(self, outputs: Any, batch: dict[str, Tensor], index: int) -> None:
        if (index + 1) % self.trainer.accumulate_grad_batches == 0:  # the optimiser has made its step
            self.aux.after_step(self.optimizers(), self.meta)
            self.log_dict({f"weight/{name}": weight for name, weight in self.aux.weights().items()})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.network.parameters(), lr=1e-3)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["auxin"] = self.aux.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.aux.load_state_dict(checkpoint["auxin"])


def main() -> None:
    lightning.seed_everything(0, verbose=False)
    data = load_digits()
    x, y = torch.tensor(data.data).float() / 16, torch.tensor(data.target)
    columns = {"x": x, "digit": y, "odd": y % 2, "large": (y > 4).long()}
    rows = [{name: column[i] for name, column in columns.items()} for i in range(1200)]
    module = Digits(DataLoader(rows[1000:], 100, shuffle=True))
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = lightning.Trainer(max_steps=STEPS, accelerator="cpu", enable_model_summary=False, **quiet)
    trainer.fit(module, DataLoader(rows[:1000], 50, shuffle=True))
    print(f"test accuracy {(module.network(x[1200:])[:, :10].argmax(1) == y[1200:]).float().mean():.3f}")
    print("weights", {name: round(weight, 2) for name, weight in module.aux.weights().items()})


if __name__ == "__main__":
    main()
