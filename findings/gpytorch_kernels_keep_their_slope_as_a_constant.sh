#!/usr/bin/env bash
# gpytorch 1.15.2 with torch 2.13.0: the second derivative of the exact marginal likelihood in the lengthscale of RBFKernel and MaternKernel.
#
# Expected: double backward equals a difference of two gradients (1e-6 in float64), for a Hessian or a hypergradient through the kernel's
# parameters.
# Seen: with one lengthscale, the default, it is another number, also in sign (RBF .54 instead of .21, Matern 1/2 -.07 instead of .07): the hand-
# written function computes the slope in its forward pass, and the second differentiation takes it for a constant. With ard_num_dims another path
# runs, which is exact, as are RQ, periodic and polynomial kernels. First derivatives are right. No warning is given. Exits non-zero if the
# behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "gpytorch==1.15.2" "scikit-learn==1.9.1" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import gpytorch
import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
x = torch.rand(12, 2)
y = torch.sin(5 * x[:, 0]) + 0.1 * torch.randn(12)
kernels = gpytorch.kernels


class Process(gpytorch.models.ExactGP):
    def __init__(self, kernel, likelihood):
        super().__init__(x, y, likelihood)
        self.mean_module, self.covar_module = gpytorch.means.ZeroMean(), kernel

    def forward(self, rows):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(rows), self.covar_module(rows))


def check(kernel):
    likelihood = gpytorch.likelihoods.GaussianLikelihood()
    likelihood.noise = 0.1
    model = Process(kernel, likelihood).train()
    marginal = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
    at = model.covar_module.raw_lengthscale

    def slope(create_graph):
        return torch.autograd.grad(-marginal(model(x), y), at, create_graph=create_graph)[0].sum()

    (second,) = torch.autograd.grad(slope(True), at)
    ends = []
    for step in (1e-5, -1e-5):
        at.data += step
        ends.append(slope(False))
        at.data -= step
    return float(second.sum()), float((ends[0] - ends[1]) / 2e-5)


found = {
    "RBF": check(kernels.RBFKernel()), "Matern 1/2": check(kernels.MaternKernel(0.5)), "Matern 3/2": check(kernels.MaternKernel(1.5)),
    "Matern 5/2": check(kernels.MaternKernel(2.5)), "RBF, ard": check(kernels.RBFKernel(ard_num_dims=2)), "Matern 5/2, ard": check(kernels.MaternKernel(2.5, ard_num_dims=2)), "RQ": check(kernels.RQKernel()),
}
for name, (double, difference) in found.items():
    print(f"gpytorch {gpytorch.__version__} {name}: second derivative by double backward {double:.4f}, by differences {difference:.4f}")
wrong = [abs(d - r) > 0.05 * abs(r) for d, r in found.values()]
raise SystemExit(0 if wrong == [True] * 4 + [False] * 3 else 1)
PY
