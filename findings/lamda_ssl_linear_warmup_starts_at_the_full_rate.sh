#!/usr/bin/env bash
# LAMDA-SSL 1.0.2 with torch 2.13.0: Scheduler.LinearWarmup(num_training_steps, num_warmup_steps, start_factor=0, end_factor=1) ("the number of
# iterations to warm up").
#
# Expected: the rate rises from start_factor to end_factor over the warm-up.
# Seen: it is 1 from the first step to the last of the warm-up, whatever the two factors are, and falls from end_factor to start_factor after it. There is
# no warm-up, and with start_factor=0 the last step has the rate 0. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import subprocess
import sys
from importlib.metadata import version

subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "LAMDA-SSL==1.0.2"], check=True)
import torch
from LAMDA_SSL.Scheduler.LinearWarmup import LinearWarmup
from torch import nn

def rates(**options):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, LinearWarmup(num_training_steps=10, num_warmup_steps=4, **options).lr_lambda)
    found = []
    for _ in range(11):
        found.append(round(optimizer.param_groups[0]["lr"], 3))
        optimizer.step()
        schedule.step()
    return found

print(f"LAMDA-SSL {version('LAMDA-SSL')}: ten steps, four of them to warm up")
default, low = rates(), rates(start_factor=0.1, end_factor=0.5)
print(f"  factors 0 to 1: {default}")
print(f"  factors 0.1 to 0.5: {low}")
raise SystemExit(0 if default[:5] == [1.0] * 5 and default[-1] == 0 and default[5:] == sorted(default[5:], reverse=True) and low[:5] == [1.0] * 5 and low[-1] == 0.1 else 1)
PY
