"""A seeded low-rank sketch of H, inverted by Woodbury's identity: as many products as its rank."""

from dataclasses import dataclass

import torch
from torch import Tensor

from auxin.math.vectors import check_finite, flatten, random_like, unflatten
from auxin.paper import Paper
from auxin.solvers.base import MatrixVector, Solution, Solver, Vector


@dataclass
class Nystrom(Solver):
    """p = (H_r + damping I)^-1 v with the rank-r Nystrom approximation H_r = Y (O^T Y)^+ Y^T, Y = H O.

    Hataya, Yamada 2023, equations 4 to 6. Departure: O holds r orthonormal random directions instead of r
    random unit vectors, since single coordinates of a network hardly see its curvature. Directions of
    negative curvature are left out of H_r. Where r is less than H's rank the rest of v is divided by the
    damping alone, as in the paper: too small a damping then makes p far too long.

    Args:
        rank: Rank r, the number of products; the memory is 2 r times the parameters.
        damping: Damping rho, positive.
        seed: Seed of the random directions.

    >>> import torch
    >>> v = [torch.ones(2, dtype=torch.float64)]
    >>> Nystrom(rank=2, damping=1.0).solve(lambda x: [3.0 * x[0]], v).vector
    [tensor([0.2500, 0.2500], dtype=torch.float64)]
    """

    paper = Paper(
        "Nyström Method for Accurate and Scalable Implicit Differentiation",
        "Hataya, Yamada",
        2023,
        "https://arxiv.org/abs/2302.09726",
        "equations 4 to 6",
    )
    rank: int = 10
    damping: float = 1e-2
    seed: int = 0

    def solve(self, product: MatrixVector, vector: Vector) -> Solution:
        """Sketch H anew and solve."""
        check_finite(vector)
        flat = flatten(vector)
        basis, values = self._sketch(product, vector, min(self.rank, flat.numel()))
        inside = basis.T @ flat
        solved = basis @ (inside / (values + self.damping)) + (flat - basis @ inside) / self.damping
        check_finite([solved], "The Nystrom solution")
        return Solution(unflatten(solved, vector), products=min(self.rank, flat.numel()))

    def _sketch(self, product: MatrixVector, like: Vector, rank: int) -> tuple[Tensor, Tensor]:
        """Eigenvectors [n, r] and eigenvalues [r] of H_r."""
        columns = [flatten(random_like(like, self.seed * 65537 + i)) for i in range(rank)]
        probes, _ = torch.linalg.qr(torch.stack(columns, 1))
        images = torch.stack([flatten(product(unflatten(o, like))) for o in probes.unbind(1)], 1)
        core = probes.T @ images
        sizes, turned = torch.linalg.eigh((core + core.T) / 2)
        keep = sizes > sizes.abs().max() * torch.finfo(sizes.dtype).eps * rank
        root = images @ (turned[:, keep] / sizes[keep].sqrt())
        basis, singular, _ = torch.linalg.svd(root, full_matrices=False)
        return basis, singular.square()
