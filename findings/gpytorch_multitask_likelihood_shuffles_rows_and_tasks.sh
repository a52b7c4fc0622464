#!/usr/bin/env bash
# gpytorch 1.15.2 with torch 2.13.0: MultitaskMultivariateNormal(interleaved=False), whose covariance runs over all rows of the first task, then
# of the next.
#
# Guess, written before the run: log_prob equals the dense normal distribution's, in either order of the covariance.
# Seen: with interleaved=True it does. With interleaved=False the n x t values are read as t x n numbers and transposed, which puts values of
# other rows and tasks in their places; the mean is laid out as it should be. Samples, variances and marginals are right. A likelihood that is
# trained with this order fits shuffled targets. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "gpytorch==1.15.2" "scikit-learn==1.9.1" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import gpytorch
import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
rows, tasks = 3, 2
root = torch.randn(rows * tasks, rows * tasks)
covariance, mean, values = root @ root.T + torch.eye(rows * tasks), torch.randn(rows, tasks), torch.randn(rows, tasks)
found = {}
for interleaved in (True, False):
    flat = (lambda m: m.reshape(-1)) if interleaved else (lambda m: m.T.reshape(-1))  # row by row, or task by task
    multitask = gpytorch.distributions.MultitaskMultivariateNormal(mean, covariance, interleaved=interleaved)
    right = torch.distributions.MultivariateNormal(flat(mean), covariance).log_prob(flat(values))
    shuffled = torch.distributions.MultivariateNormal(flat(mean), covariance).log_prob(values.view(tasks, rows).T.reshape(-1))
    found[interleaved] = [float(v) for v in (multitask.log_prob(values), right, shuffled)]
    variance = float((flat(multitask.variance) - covariance.diagonal()).abs().max())
    print(f"gpytorch {gpytorch.__version__} interleaved={interleaved}: log_prob {found[interleaved][0]:.6f}, dense normal {right:.6f}, of the values read as {tasks} x {rows}: {shuffled:.6f}; variances off by {variance:.0e}")
same = abs(found[True][0] - found[True][1]) < 1e-9
raise SystemExit(0 if same and abs(found[False][0] - found[False][1]) > 0.1 and abs(found[False][0] - found[False][2]) < 1e-9 else 1)
PY
