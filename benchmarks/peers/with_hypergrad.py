"""hypergrad's rows: its functional estimators on the quadratics."""

import problems
import torch
from hypergrad.approx_hypergrad import conjugate_gradient, neumann, nystrom
from problems import relative, say


def main() -> None:
    for q in problems.quadratics():

        def inner(w: tuple, phi: tuple, q: problems.Quadratic = q) -> torch.Tensor:
            return q.inner(w[0], phi[0])

        def outer(w: tuple, phi: tuple, q: problems.Quadratic = q) -> torch.Tensor:
            return q.outer(w[0]) + 0.0 * phi[0].sum()

        torch.manual_seed(0)
        given = (inner, outer, (q.best,), (q.phi,))
        say(
            q.name,
            "conjugate_gradient",
            relative(conjugate_gradient(*given, num_iters=q.steps, lr=1.0)[0], q.exact),
        )
        say(q.name, "neumann", relative(neumann(*given, num_iters=q.steps, lr=1 / q.largest)[0], q.exact))
        say(q.name, "nystrom, full rank", relative(nystrom(*given, rank=20, rho=1e-6)[0], q.exact))


if __name__ == "__main__":
    main()
