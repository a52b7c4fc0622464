#!/usr/bin/env bash
# lightning 2.6.6 with torch 2.13.0: the callback StochasticWeightAveraging.
#
# Guess, written before the run: the final weights are the mean of the weights at the ends of the epochs from swa_epoch_start to the last.
# Seen: the weights are added at the start of each epoch, so each term is that of the epoch before. The last epoch is trained and then thrown
# away, and with swa_epoch_start=1 the untrained initial weights are part of the mean: after 3 epochs, a third of the final weights. No warning
# is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "lightning==2.6.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import logging

import torch

logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
import lightning
from lightning.pytorch.callbacks import Callback, StochasticWeightAveraging


class Line(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, _):
        return torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.01)


class Ends(Callback):
    def on_train_epoch_end(self, trainer, module):
        weights.append(module.layer.weight.detach().clone())


seen = {}
for start, epochs in ((1, 3), (3, 6)):
    torch.manual_seed(0)
    x, model = torch.randn(64, 4), Line()
    weights = [model.layer.weight.detach().clone()]  # 0: before training, k: at the end of epoch k
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True)), 16)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    averaging = StochasticWeightAveraging(swa_lrs=0.05, swa_epoch_start=start)
    lightning.Trainer(max_epochs=epochs, callbacks=[Ends(), averaging], accelerator="cpu", **quiet).fit(model, data)
    means = {(a, b): torch.stack(weights[a : b + 1]).mean(0) for a in range(epochs + 1) for b in range(a, epochs + 1)}
    off = {ends: float((model.layer.weight.detach() - mean).abs().max()) for ends, mean in means.items()}
    seen[start] = min(off, key=off.get)
    print(f"lightning {lightning.__version__} swa_epoch_start={start}, {epochs} epochs: the final weights are the mean of the ends of epochs {seen[start][0]} to {seen[start][1]}"
          f" (0 is before training) to {off[seen[start]]:.0e}; from the mean of {start} to {epochs} they are {off[start, epochs]:.2g} off")
raise SystemExit(0 if seen == {1: (0, 2), 3: (2, 5)} else 1)
PY
