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
    network()


def network() -> None:
    n = problems.Network()
    one, product = n.one_step(), n.product()
    phi = n.phi.clone().requires_grad_()

    def outer(signals: Tensor, _: object) -> Tensor:
        return n.outer_of(signals)

    class Modes(nn.Module):
        """Training mode on training rows, evaluation mode on the others, as the other libraries' users write it."""

        def __init__(self) -> None:
            super().__init__()
            self.net = n.net

        def forward(self, x: Tensor) -> Tensor:
            self.net.train(x is n.x)
            return self.net(x)

    net = Modes()
    problem = BilevelProblem(net, lambda s, _: n.inner_of(s, phi), outer, [phi])
    sgd = torch.optim.SGD(net.parameters(), lr=LR)

    def run(**options: object) -> Tensor:
        torch.manual_seed(SEED)
        return hypergradient(problem, (n.x,), (n.vx,), optimizer=sgd, **options).gradients[0]  # type: ignore[arg-type]

    look = {"estimator": "lookahead", "check": False}
    say(
        "dropout, one step",
        "lookahead, one JVP",
        relative(run(**look), one),
        *cost(lambda: run(**look), n.plain),
    )
    identity = {"estimator": "implicit", "solver": "identity", "check": False}
    error = relative(run(**identity), product)
    say("dropout, plain product", "implicit, identity", error, *cost(lambda: run(**identity), n.plain))
    difference = {"estimator": "finite_difference"}
    error = relative(run(**difference), one)
    say("dropout, one step", "finite_difference", error, *cost(lambda: run(**difference), n.plain))


if __name__ == "__main__":
    main()
