"""Betty's rows: its engine, run for one step of the upper problem by plain SGD, whose change is the hypergradient."""

import problems
import torch
from betty.configs import Config, EngineConfig
from betty.engine import Engine
from betty.problems import ImplicitProblem
from problems import SEED, cost, relative, say
from torch import Tensor, nn

torch.set_default_dtype(problems.D)


class Held(nn.Module):
    """A tensor as a module."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = nn.Parameter(value.clone())

    def forward(self) -> Tensor:
        return self.value


def hyper(lower: nn.Module, phi: Tensor, inner, outer, config: Config) -> Tensor:  # noqa: ANN001
    class Inner(ImplicitProblem):
        def training_step(self, batch: object) -> Tensor:
            return inner(self.module, self.outer())

    class Outer(ImplicitProblem):
        def training_step(self, batch: object) -> Tensor:
            return outer(self.inner.module)

    upper = Held(phi)
    data = [(torch.zeros(1), torch.zeros(1))]
    low = Inner("inner", module=lower, optimizer=torch.optim.SGD(lower.parameters(), lr=0.0),
                train_data_loader=data, config=config)  # fmt: skip
    up = Outer("outer", module=upper, optimizer=torch.optim.SGD(upper.parameters(), lr=1.0),
               train_data_loader=data, config=Config(retain_graph=False))  # fmt: skip
    engine = Engine(problems=[up, low], dependencies={"u2l": {up: [low]}, "l2u": {low: [up]}},
                    config=EngineConfig(train_iters=1, valid_step=10**9))  # fmt: skip
    engine.run()
    return phi - upper.value.detach()


def main() -> None:
    for q in problems.quadratics():
        ways = {
            "cg, cg_alpha 1": Config(type="cg", cg_iterations=q.steps, cg_alpha=1.0),
            "cg, d steps": Config(type="cg", cg_iterations=q.steps // 4, cg_alpha=1.0),
            "neumann": Config(type="neumann", neumann_iterations=q.steps, neumann_alpha=1 / q.largest),
        }
        for name, config in ways.items():
            found = hyper(
                Held(q.best),
                q.phi,
                lambda m, phi, q=q: q.inner(m(), phi),
                lambda m, q=q: q.outer(m()),
                config,
            )
            say(q.name, name, relative(found, q.exact))
    for kind in problems.chosen():
        network(problems.Network(kind))


def network(n: problems.Network) -> None:
    product, neumann = n.product(), n.neumann()

    def inner(module: nn.Module, phi: Tensor) -> Tensor:
        module.train()
        if (
            seeded
        ):  # its one graph is made later than the reference's, so masks would differ by the draw alone
            torch.manual_seed(SEED)
        return n.inner_of(module(n.x), phi)

    def outer(module: nn.Module) -> Tensor:
        module.train(n.training_mode)
        return n.outer_of(module(n.vx))

    seeded = False
    series = Config(type="neumann", neumann_iterations=problems.TERMS, neumann_alpha=problems.ALPHA)
    ways = {
        "plain product: darts, default radius": (product, Config(type="darts")),
        "plain product: sama, default radius": (product, Config(type="sama")),
        "Neumann series: neumann": (neumann, series),
    }
    for name, (exact, config) in ways.items():

        def run(config: Config = config) -> Tensor:
            torch.manual_seed(SEED)
            return hyper(n.net, n.phi, inner, outer, config)

        seeded = config.type == "neumann"
        problem, method = name.split(": ")
        say(f"{n.title}, {problem}", method, relative(run(), exact), *cost(run, n.plain))


if __name__ == "__main__":
    main()
