"""TorchOpt's rows: implicit differentiation by its conjugate gradients, and one differentiable step."""

import problems
import torch
import torchopt
from problems import LR, SEED, cost, relative, say
from torch import Tensor


def main() -> None:
    for q in problems.quadratics():
        for name, solve in {
            "implicit, solve_cg": torchopt.linear_solve.solve_cg(maxiter=q.steps, rtol=1e-15, atol=0.0),
            "implicit, solve_normal_cg": torchopt.linear_solve.solve_normal_cg(
                maxiter=q.steps, rtol=1e-15, atol=0.0
            ),
            "implicit, solve_inv": torchopt.linear_solve.solve_inv(ns=False),
        }.items():
            say(q.name, name, relative(_implicit(q, solve), q.exact))
    for kind in problems.chosen():
        network(problems.Network(kind))


def _implicit(q: problems.Quadratic, solve: object) -> Tensor:
    phi, best = q.phi.clone().requires_grad_(), q.best

    def optimality(w: Tensor, phi: Tensor) -> Tensor:
        return torch.func.grad(q.inner)(w, phi)

    @torchopt.diff.implicit.custom_root(optimality, argnums=1, solve=solve)
    def solver(w: Tensor, phi: Tensor) -> Tensor:
        return best.clone().requires_grad_()

    return torch.autograd.grad(q.outer(solver(best.clone().requires_grad_(), phi)), phi)[0]


def network(n: problems.Network) -> None:
    state = {k: v.detach().clone() for k, v in n.net.named_parameters()}

    def run() -> Tensor:
        phi = n.phi.clone().requires_grad_()
        optimizer = torchopt.MetaSGD(n.net, lr=LR)
        torch.manual_seed(SEED)
        n.net.train()
        optimizer.step(n.inner_of(n.net(n.x), phi))
        n.net.train(n.training_mode)
        found = torch.autograd.grad(n.outer_of(n.net(n.vx)), phi)[0]
        for name, value in state.items():  # its step leaves the network changed
            owner, _, leaf = name.rpartition(".")
            n.net.get_submodule(owner)._parameters[leaf] = torch.nn.Parameter(value)
        return found

    one = n.one_step()
    say(f"{n.title}, one step", "MetaSGD, unrolled", relative(run(), one), *cost(run, n.plain))


if __name__ == "__main__":
    main()
