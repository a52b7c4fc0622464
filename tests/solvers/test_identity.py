"""The identity solver uses no product."""

import torch

from auxin.solvers.identity import Identity


def test_scales_and_never_calls_the_product():
    def product(x: list[torch.Tensor]) -> list[torch.Tensor]:
        raise AssertionError

    solution = Identity(alpha=0.1).solve(product, [torch.tensor([2.0])])
    assert solution.vector[0].item() == torch.tensor(0.2).item()
    assert (solution.products, solution.residual, solution.unit) == (0, None, 0.1)
