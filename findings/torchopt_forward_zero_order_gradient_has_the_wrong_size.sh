#!/usr/bin/env bash
# torchopt 0.7.3 with torch 2.13.0: torchopt.diff.zero_order(method="forward"), gradients by random perturbations for losses that have none.
#
# Guess, written before the run: for a linear loss the mean over many samples is its gradient, for each of the methods "naive", "forward" and
# "antithetic" and every sigma.
# Seen: "naive" and "antithetic" are. "forward" multiplies the difference of the two losses by sigma where it has to divide by it, so its
# gradient is sigma^2 times the true one: a hundredth with sigma=.1, four times with sigma=2; only sigma=1, the default, has the right size. And
# more samples in one call do not make it more exact: it takes each sample's loss from the former difference instead of from the loss at
# the point, so the noise adds up. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "torchopt==0.7.3"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
import torchopt

torch.manual_seed(0)
true = torch.tensor([1.0, -2.0, 3.0])


def gradients(method, sigma, samples, calls):
    loss = torchopt.diff.zero_order(torch.distributions.Normal(0.0, 1.0), method=method, num_samples=samples, sigma=sigma)(lambda x: (true * x).sum())
    x = torch.zeros(3, requires_grad=True)
    return torch.stack([torch.autograd.grad(loss(x), x)[0] for _ in range(calls)])


ok = True
for sigma in (0.1, 1.0, 2.0):
    for method in ("naive", "forward", "antithetic"):
        mean = gradients(method, sigma, 1, 4000).mean(0)
        ratio = float(mean @ true / (true @ true))
        print(f"torchopt {torchopt.__version__} sigma {sigma} {method:10}: mean of 4,000 calls {[round(v, 3) for v in mean.tolist()]}, {ratio:.3f} of the gradient {true.tolist()}")
        ok &= abs(ratio / (sigma**2 if method == "forward" else 1) - 1) < 0.15
spread = {(m, n): float(gradients(m, 1.0, n, 100).std(0).mean()) for m in ("naive", "forward", "antithetic") for n in (1, 100)}
print("standard deviation of a call with 1 and 100 samples, sigma 1:", {k: round(v, 2) for k, v in spread.items()})
ok &= spread["forward", 100] > 0.5 * spread["forward", 1] and all(spread[m, 100] < 0.2 * spread[m, 1] for m in ("naive", "antithetic"))
raise SystemExit(0 if ok else 1)
PY
