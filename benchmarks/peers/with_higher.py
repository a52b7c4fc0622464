"""higher's rows: it unrolls and does nothing else."""

import higher
import problems
import torch
from problems import LR, SEED, cost, relative, say
from torch import Tensor, nn


class Point(nn.Module):
    def __init__(self, w: Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(w.clone())

    def forward(self) -> Tensor:
        return self.w


def main() -> None:
    for q in problems.quadratics():
        phi, net = q.phi.clone().requires_grad_(), Point(q.best)
        sgd = torch.optim.SGD(net.parameters(), lr=1 / q.largest)
        with higher.innerloop_ctx(net, sgd) as (functional, steps):
            for _ in range(q.steps):
                steps.step(q.inner(functional(), phi))
            found = torch.autograd.grad(q.outer(functional()), phi)[0]
        say(q.name, "unrolled, 4d steps from w*", relative(found, q.exact))
    for kind in problems.chosen():
        network(problems.Network(kind))


def network(n: problems.Network) -> None:
    def run() -> Tensor:
        phi = n.phi.clone().requires_grad_()
        sgd = torch.optim.SGD(n.net.parameters(), lr=LR)
        with higher.innerloop_ctx(n.net, sgd) as (functional, steps):
            torch.manual_seed(SEED)
            functional.train()
            steps.step(n.inner_of(functional(n.x), phi))
            functional.train(n.training_mode)
            return torch.autograd.grad(n.outer_of(functional(n.vx)), phi)[0]

    one = n.one_step()
    say(f"{n.title}, one step", "SGD, unrolled", relative(run(), one), *cost(run, n.plain))


if __name__ == "__main__":
    main()
