"""auxin's rows."""

import problems
import torch
from problems import LR, SEED, cost, relative, say
from torch import Tensor, nn

from auxin.hypergradients import BilevelProblem, hypergradient


class Point(nn.Module):
    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(w.clone())

    def forward(self, _: Tensor) -> Tensor:
        return self.w


def main() -> None:
    for q in problems.quadratics():
        phi = q.phi.clone().requires_grad_()
        problem = BilevelProblem(
            Point(q.best), lambda s, _, q=q, phi=phi: q.inner(s, phi), lambda s, _, q=q: q.outer(s), [phi]
        )
        batch = (torch.zeros(1),)
        for solver, options in {
            "conjugate_gradient": {"steps": q.steps},
            "dense": {},
            "neumann": {"terms": q.steps, "alpha": 1 / q.largest},
        }.items():
            found = hypergradient(problem, batch, estimator="implicit", solver=solver, **options)
            say(q.name, f"implicit, {solver}", relative(found.gradients[0], q.exact))
    for kind in problems.chosen():
        network(problems.Network(kind))


def network(n: problems.Network) -> None:
    one, product, neumann = n.one_step(), n.product(), n.neumann()
    phi = n.phi.clone().requires_grad_()

    def outer(signals: Tensor, _: object) -> Tensor:
        return n.outer_of(signals)

    class Modes(nn.Module):
        """Each batch in the mode of its loss, as the other libraries' users write it."""

        def __init__(self) -> None:
            super().__init__()
            self.net = n.net

        def forward(self, x: Tensor) -> Tensor:
            self.net.train(x is n.x or n.training_mode)
            return self.net(x)

    net = Modes()
    problem = BilevelProblem(net, lambda s, _: n.inner_of(s, phi), outer, [phi])
    sgd = torch.optim.SGD(net.parameters(), lr=LR)

    def run(**options: object) -> Tensor:
        torch.manual_seed(SEED)
        return hypergradient(problem, (n.x,), (n.vx,), optimizer=sgd, **options).gradients[0]  # type: ignore[arg-type]

    ways: dict[str, tuple[Tensor, dict[str, object]]] = {
        "one step: lookahead, one JVP": (one, {"estimator": "lookahead", "check": False}),
        "plain product: implicit, identity": (
            product, {"estimator": "implicit", "solver": "identity", "check": False}
        ),
        "one step: finite_difference": (one, {"estimator": "finite_difference"}),
    }  # fmt: skip
    for curvature in ("hessian", "gauss_newton"):
        ways[f"Neumann series: implicit, neumann, {curvature}"] = (
            neumann,
            {"estimator": "implicit", "solver": "neumann", "curvature": curvature, "alpha": problems.ALPHA,
             "terms": problems.TERMS, "power_steps": 0, "check": False},
        )  # fmt: skip
    for name, (exact, options) in ways.items():
        problem_name, method = name.split(": ")
        error = relative(run(**options), exact)
        say(f"{n.title}, {problem_name}", method, error, *cost(lambda: run(**options), n.plain))  # noqa: B023


if __name__ == "__main__":
    main()
