#!/usr/bin/env bash
# pytorch-optimizer 4.1.0 with torch 2.13.0: BinaryBiTemperedLogisticLoss, a loss for noisy labels, with "Logits" as its input.
#
# Guess, written before the run: with t1 = t2 = 1 it is the binary cross-entropy of the logit, as BiTemperedLogisticLoss is the cross-entropy, and
# for other temperatures the multiclass loss of the two logits (0, z).
# Seen: it is that of twice the logit, for all temperatures: the two logits are (-z, z), which are 2 z apart. So a network trained with it is
# calibrated at sigmoid(2 z), and sigmoid(z), as after every other binary loss, is underconfident: .73 where the rate is .88. Labels by the sign
# of z do not change, so accuracy does not show it. The authors' own binary form takes (z, 0). No warning is given. Exits non-zero if the
# behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "pytorch-optimizer==4.1.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from pytorch_optimizer import BinaryBiTemperedLogisticLoss, BiTemperedLogisticLoss

torch.manual_seed(0)
z, y = torch.randn(8, 1, dtype=torch.float64), torch.randint(0, 2, (8, 1)).double()
ok = True
for t1, t2 in ((1.0, 1.0), (0.8, 1.4), (0.2, 4.0)):
    binary, many = BinaryBiTemperedLogisticLoss(t1=t1, t2=t2), BiTemperedLogisticLoss(t1=t1, t2=t2)
    pair = lambda scale: float(many(torch.cat([torch.zeros_like(z), scale * z], 1), torch.cat([1 - y, y], 1)))
    print(f"pytorch-optimizer {version('pytorch-optimizer')}, t1 {t1}, t2 {t2}: binary loss {float(binary(z, y)):.5f}, of two logits (0, z) {pair(1):.5f}, (0, 2 z) {pair(2):.5f}")
    ok &= abs(float(binary(z, y)) - pair(2)) < 1e-4 and abs(float(binary(z, y)) - pair(1)) > 1e-3
entropy = float(torch.nn.functional.binary_cross_entropy_with_logits(z, y))
print(f"binary cross-entropy {entropy:.5f}")
rate, logit = 0.88, torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
step = torch.optim.LBFGS([logit], line_search_fn="strong_wolfe", max_iter=100)
targets = (torch.arange(100) < 100 * rate).double().view(-1, 1)
def closure():
    step.zero_grad()
    loss = BinaryBiTemperedLogisticLoss(t1=1.0, t2=1.0)(logit.expand(100, 1), targets)
    loss.backward()
    return loss
step.step(closure)
print(f"fitted to a rate of {rate}: sigmoid(z) {float(logit.sigmoid()):.3f}, sigmoid(2 z) {float((2 * logit).sigmoid()):.3f}")
raise SystemExit(0 if ok and abs(float((2 * logit).sigmoid()) - rate) < 1e-3 and abs(float(logit.sigmoid()) - rate) > 0.1 else 1)
PY
