"""hypergrad's rows: its functional estimators on the quadratics."""

import problems
import torch
from hypergrad.approx_hypergrad import conjugate_gradient, neumann, nystrom
from problems import ALPHA, TERMS, cost, relative, say


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
    for kind in problems.chosen():
        network(problems.Network(kind))


def network(n: problems.Network) -> None:
    torch.func.replace_all_batch_norm_modules_(
        n.net
    )  # running averages may not move under its torch.func transforms
    params = tuple(p.detach() for p in n.net.parameters())

    def inner(w: tuple, phi: tuple) -> torch.Tensor:
        return n.inner_at(w, phi[0])

    def outer(w: tuple, phi: tuple) -> torch.Tensor:
        return n.outer_at(w) + 0.0 * phi[0].sum()

    def run() -> torch.Tensor:
        return neumann(inner, outer, params, (n.phi,), num_iters=TERMS, lr=ALPHA)[0]

    say(f"{n.title}, Neumann series", "neumann", relative(run(), n.neumann()), *cost(run, n.plain))


if __name__ == "__main__":
    main()
