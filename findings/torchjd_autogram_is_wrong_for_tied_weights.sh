#!/usr/bin/env bash
# torchjd 0.18.0 with torch 2.13.0: autogram.Engine(model, batch_dim=0) on a model with tied weights (an embedding and its output layer).
#
# Guess, written before the run: the Gramian is that of the per-row gradients (1e-12 in float64), as for untied weights, or it is refused.
# Seen: it is off by 0.3 of its size or more, without a warning. The engine adds one Gramian per module, G(a) + G(b), where the gradient of
# the shared tensor is a sum whose square has cross terms. A module that is called twice is right.
# Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "torchjd==0.18.0" "quadprog==0.1.14" "qpsolvers==4.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from torch import nn
from torchjd.autogram import Engine

torch.set_default_dtype(torch.float64)

class Words(nn.Module):
    def __init__(self, tied):
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.head = nn.Embedding(6, 4), nn.Linear(4, 6, bias=False)
        if tied:
            self.head.weight = self.embedding.weight

    def forward(self, words):
        return self.head(self.embedding(words).mean(1))

def error(tied):
    net, words = Words(tied), torch.tensor([[0, 1], [2, 3], [4, 5]])
    engine = Engine(net, batch_dim=0)
    losses = net(words).square().sum(1)
    rows = torch.stack([torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()), retain_graph=True)])
                        for loss in losses])
    right = rows @ rows.T
    return float((engine.compute_gramian(losses) - right).norm() / right.norm())

untied, tied = error(False), error(True)
print(f"torchjd {version('torchjd')}: relative error of the Gramian: untied {untied:.1e}, tied {tied:.2f}")
raise SystemExit(0 if untied < 1e-12 and tied > 0.1 else 1)
PY
