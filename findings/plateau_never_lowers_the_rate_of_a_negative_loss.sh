#!/usr/bin/env bash
# torch 2.13.0: torch.optim.lr_scheduler.ReduceLROnPlateau with its defaults on a loss below zero (learned uncertainties, a Gaussian likelihood).
#
# Expected: a loss that stands still for 60 epochs lowers the rate, whatever its sign.
# Seen: at 100 the rate falls from 1 to 1e-5, at -100 it never falls, nor does it for a loss that rises from -100 to -99.7. "Better" is "below
# best * (1 - 1e-4)", which lies above the best value if that is negative: an equal or slightly worse loss counts as better and becomes the best.
# mode="max" does the same with a negative score. No warning is given. threshold_mode="abs" is right. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch


def rate(losses, **options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    for loss in losses:
        scheduler.step(loss)
    return optimizer.param_groups[0]["lr"], scheduler.best


still, rising = [1.0] * 60, [0.005 * i for i in range(60)]
found = {
    "100, standing still": rate([100 * v for v in still]),
    "-100, standing still": rate([-100 * v for v in still]),
    "100, rising": rate([100 + v for v in rising]),
    "-100, rising": rate([-100 + v for v in rising]),
    "-100, rising, threshold_mode=abs": rate([-100 + v for v in rising], threshold_mode="abs"),
    "score -100, falling, mode=max": rate([-100 - v for v in rising], mode="max"),
}
print(f"torch {torch.__version__}: rate after 60 epochs (from 1), and the best value")
for name, (value, best) in found.items():
    print(f"  {name}: {value:.0e}, {best:.2f}")
rates = [value for value, _ in found.values()]
raise SystemExit(0 if rates[1] == rates[3] == rates[5] == 1.0 and max(rates[0], rates[2], rates[4]) < 1e-4 else 1)
PY
