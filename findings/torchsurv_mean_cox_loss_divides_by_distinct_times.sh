#!/usr/bin/env bash
# torchsurv 0.2.0 with torch 2.13.0: loss.cox.neg_partial_log_likelihood(reduction="mean") of survival times with ties.
#
# Guess, written before the run: the mean over the events, that is reduction="sum" divided by their number, however finely times are written down
# (the documentation: "mean of log likelihoods across patients").
# Seen: the sum is divided by the number of distinct event times. With times in days it is the mean over the events; the same rows in months give a
# loss and a gradient several times as large (one step of SGD, and the weight of the loss beside other tasks', change with the unit), while the sum
# changes by little. Efron's and Breslow's ties are alike. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torchsurv==0.2.0" "torch==2.13.0" "numpy==2.4.6" "scipy==1.17.1" "pandas==2.3.3" "torchmetrics==1.9.0"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import torch
from torchsurv.loss.cox import neg_partial_log_likelihood

torch.manual_seed(0)
n = 200
time, event, hazard = torch.distributions.Exponential(1 / 200.0).sample((n,)) + 1, torch.rand(n) < 0.7, torch.randn(n, 1)
events = int(event.sum())
good = True
for name, unit in (("exact", 1e-4), ("months", 30.0), ("years", 365.0)):
    t = (time / unit).ceil()
    distinct = len(t[event].unique())
    for ties in ("efron", "breslow"):
        leaf = hazard.clone().requires_grad_()
        total = neg_partial_log_likelihood(hazard, event, t, ties_method=ties, reduction="sum").item()
        mean = neg_partial_log_likelihood(leaf, event, t, ties_method=ties, reduction="mean")
        mean.backward()
        print(f"torchsurv {version('torchsurv')} {name}, {ties}: {events} events at {distinct} distinct times: sum {total:.2f}, mean {mean.item():.3f}, sum / events {total / events:.3f}, sum / distinct times {total / distinct:.3f}, length of the gradient {leaf.grad.norm():.4f}")
        good &= abs(mean.item() - total / distinct) < 1e-3 * mean.item()
        good &= distinct == events if name == "exact" else mean.item() > 2 * total / events
raise SystemExit(0 if good else 1)
PY
