#!/usr/bin/env bash
# gpytorch 1.15.2 with torch 2.13.0: Gaussian process regression with missing observations (NaN) under settings.observation_nan_policy("mask").
#
# Guess, written before the run: the same as leaving those rows out: marginal likelihood, predictive mean and variance (1e-5).
# Seen: likelihood and mean are those of the labelled rows. The variance is that of a process which has observed every row: at a point among rows
# without a label it is a hundredth of what it should be, as small as among labelled ones, and does not change if all labels are missing but one.
# policy "fill" is alike. Semi-labelled and multi-task fits are far too sure. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "gpytorch==1.15.2"
"$folder/env/bin/python" -W ignore - <<'PY'
import gpytorch
import torch

D = torch.float64


class Process(gpytorch.models.ExactGP):
    def __init__(self, x, y, likelihood):
        super().__init__(x, y, likelihood)
        self.mean, self.kernel = gpytorch.means.ConstantMean(), gpytorch.kernels.ScaleKernel(gpytorch.kernels.RBFKernel())

    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean(x), self.kernel(x))


def predicted(x, y, policy):
    model = Process(x, y, gpytorch.likelihoods.GaussianLikelihood()).to(D)
    model.kernel.base_kernel.lengthscale, model.likelihood.noise = 0.1, 0.01
    with torch.no_grad(), gpytorch.settings.observation_nan_policy(policy):
        out = model.eval()(torch.tensor([[0.2], [0.9]], dtype=D))
    return out.mean, out.variance


x = torch.linspace(0, 1, 20, dtype=D)[:, None]
y = torch.sin(6 * x[:, 0])
labelled = x[:, 0] < 0.5
gaps = torch.where(labelled, y, torch.nan)
one = torch.where(torch.arange(20) == 3, y, torch.nan)
cases = {
    "left out": predicted(x[labelled], y[labelled], "ignore"),
    "mask": predicted(x, gaps, "mask"),
    "fill": predicted(x, gaps, "fill"),
    "all observed": predicted(x, y, "ignore"),
    "mask, one label": predicted(x, one, "mask"),
}
for name, (mean, variance) in cases.items():
    print(f"gpytorch {gpytorch.__version__} {name}: at 0.2, where rows have labels, and at 0.9, where they have none: mean {[round(v, 3) for v in mean.tolist()]}, variance {[round(v, 4) for v in variance.tolist()]}")
whole, out = cases["all observed"][1], cases["left out"]
same = all(torch.allclose(cases[name][1], whole) for name in ("mask", "fill", "mask, one label"))
raise SystemExit(0 if same and torch.allclose(cases["mask"][0], out[0]) and out[1][1] > 50 * cases["mask"][1][1] else 1)
PY
