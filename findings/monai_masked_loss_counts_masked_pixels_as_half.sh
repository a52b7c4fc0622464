#!/usr/bin/env bash
# monai 1.6.1 with torch 2.13.0: MaskedLoss around DiceLoss(sigmoid=True), for images that are labelled in part.
#
# Guess, written before the run: pixels outside the mask do not change the loss ("additional weighting masks to be applied to both input and
# target"), so enlarging an image by masked pixels leaves it as it is.
# Seen: the loss goes from .59 to .84 and .95 as the labelled part becomes a quarter and a sixteenth of the image. The mask multiplies the logits, and a
# logit of 0 is a probability of one half, so every masked pixel counts as a half foreground pixel that is wrong. The loss of a
# perfect prediction is .60 and .88 instead of 0. MaskedDiceLoss(sigmoid=True), which the page of
# MaskedLoss refers to, applies the sigmoid first and is right. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "monai==1.6.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import monai
import torch
from monai.losses import DiceLoss, MaskedDiceLoss, MaskedLoss

torch.manual_seed(0)
x, t = torch.randn(1, 1, 4, 4), (torch.rand(1, 1, 4, 4) > 0.5).float()
found = []
for masked in (0, 12, 60):
    pad = (0, 0, 0, masked)
    wide, target = (torch.nn.functional.pad(v, pad) for v in (x, t))
    mask = torch.nn.functional.pad(torch.ones_like(t), pad)
    perfect = torch.nn.functional.pad(40 * (t - 0.5), pad)
    loss = MaskedLoss(DiceLoss(sigmoid=True))
    found.append([loss(wide, target, mask).item(), MaskedDiceLoss(sigmoid=True)(wide, target, mask).item(), loss(perfect, target, mask).item()])
    print(f"{masked * 4} masked pixels beside 16: MaskedLoss {found[-1][0]:.2f} (perfect prediction {found[-1][2]:.2f}), MaskedDiceLoss {found[-1][1]:.2f}")
print("monai", monai.__version__)
right = found[0][0] == found[0][1] == found[2][1] and found[1][0] > found[0][0] + 0.1 and found[2][2] > 0.5 > 0.01 > found[0][2]
raise SystemExit(0 if right else 1)
PY
