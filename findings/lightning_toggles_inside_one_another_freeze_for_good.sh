#!/usr/bin/env bash
# lightning 2.6.6 with torch 2.13.0: toggle_optimizer inside toggle_optimizer, as in an inner loop within an outer step (manual optimisation).
#
# Guess, written before the run: after both are untoggled every parameter requires a gradient as before, whatever the nesting.
# Seen: toggles are not nested. Untoggling the outer optimiser leaves the inner one's own parameters without requires_grad, and toggling that
# optimiser again does not bring them back, because it takes what it finds for their own setting. Their part of the network stands still from
# then on while the loss has a gradient through the rest. One after the other is right. No warning is given. Exits non-zero if the behaviour
# changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "lightning==2.6.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import logging
import warnings

import lightning
import torch
from torch import nn

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
seen = {}


class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.trunk, self.main, self.auxiliary = nn.Linear(2, 2), nn.Linear(2, 1), nn.Linear(2, 1)
        self.automatic_optimization = False

    def configure_optimizers(self):
        return [torch.optim.SGD([*self.trunk.parameters(), *head.parameters()], lr=0.1) for head in (self.main, self.auxiliary)]

    def note(self, name):
        seen[name] = {part: getattr(self, part).weight.requires_grad for part in ("trunk", "main", "auxiliary")}
        print(f"{name}: requires_grad {seen[name]}")

    def training_step(self, batch, number):
        outer, inner = self.optimizers()
        for optimizer in (outer, inner):
            self.toggle_optimizer(optimizer)
            self.untoggle_optimizer(optimizer)
        self.note("one after the other, after both")
        self.toggle_optimizer(outer)
        self.toggle_optimizer(inner)
        self.untoggle_optimizer(inner)
        self.untoggle_optimizer(outer)
        self.note("one inside the other, after both")
        self.toggle_optimizer(inner)
        self.note("the inner one toggled again")
        self.untoggle_optimizer(inner)


quiet = dict(logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
lightning.Trainer(max_epochs=1, limit_train_batches=1, accelerator="cpu", **quiet).fit(Model(), torch.utils.data.DataLoader(torch.randn(4, 2)))
first, second, third = seen.values()
raise SystemExit(0 if all(first.values()) and second["main"] and not second["auxiliary"] and not third["auxiliary"] else 1)
PY
