"""The problems that every library is tried on, with their exact hypergradients; torch and nothing else.

Quadratics, at w* = A^-1 B phi:  L_T = 1/2 w'Aw - w'B phi,  L_A = 1/2 |w - c|^2,  dL_A/dphi = B' A^-1 (w* - c).
A network with dropout: L_T = mean_i softplus(phi_i) CE_i(W), masks drawn from one seed; L_A = CE in evaluation mode.
The one-step hypergradient is dL_A(W - lr grad L_T)/dphi; the plain product is -d/dphi <grad L_A(W), grad L_T(W, phi)>.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

D, LR, SEED, ROWS = torch.float64, 0.1, 11, 256


@dataclass(frozen=True, eq=False)
class Quadratic:
    name: str
    a: Tensor
    b: Tensor
    c: Tensor
    phi: Tensor

    @property
    def steps(self) -> int:
        """How many products a solver may use: 4 d."""
        return 4 * len(self.c)

    @property
    def best(self) -> Tensor:
        return torch.linalg.solve(self.a, self.b @ self.phi)

    @property
    def exact(self) -> Tensor:
        return self.b.T @ torch.linalg.solve(self.a, self.best - self.c)

    @property
    def largest(self) -> float:
        return float(torch.linalg.eigvalsh(self.a).max())

    def inner(self, w: Tensor, phi: Tensor) -> Tensor:
        return 0.5 * w @ self.a @ w - w @ (self.b @ phi)

    def outer(self, w: Tensor) -> Tensor:
        return 0.5 * ((w - self.c) ** 2).sum()


def quadratics() -> list[Quadratic]:
    g = torch.Generator().manual_seed(0)
    basis, _ = torch.linalg.qr(torch.randn(20, 20, generator=g, dtype=D))

    def matrix(condition: float) -> Tensor:
        exponents = torch.linspace(-0.5, 0.5, 20, dtype=D)
        return basis @ torch.diag(condition**exponents) @ basis.T

    b, c = torch.randn(20, 5, generator=g, dtype=D), torch.randn(20, generator=g, dtype=D)
    phi = torch.randn(5, generator=g, dtype=D)
    kinds = {
        "well-conditioned": matrix(10.0),
        "isotropic": 2 * torch.eye(20, dtype=D),
        "condition 1e4": matrix(1e4),
    }
    return [Quadratic(name, a, b, c, phi) for name, a in kinds.items()]


class Network:
    """A network with dropout, its data, and the two references by double backward under the same masks."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.net = nn.Sequential(
            nn.Linear(32, 512), nn.ReLU(), nn.Dropout(0.1), nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(512, 10),
        ).to(D)  # fmt: skip
        self.x, self.vx = torch.randn(ROWS, 32, dtype=D), torch.randn(ROWS, 32, dtype=D)
        self.y, self.vy = torch.randint(10, (ROWS,)), torch.randint(10, (ROWS,))
        self.phi = torch.randn(ROWS, dtype=D)

    def inner_of(self, logits: Tensor, phi: Tensor) -> Tensor:
        return (F.softplus(phi) * F.cross_entropy(logits, self.y, reduction="none")).mean()

    def outer_of(self, logits: Tensor) -> Tensor:
        return F.cross_entropy(logits, self.vy)

    def _at(self, params: list[Tensor], x: Tensor) -> Tensor:
        names = [name for name, _ in self.net.named_parameters()]
        return functional_call(self.net, dict(zip(names, params, strict=True)), (x,))

    def _parts(self) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        phi = self.phi.clone().requires_grad_()
        params = [p.detach().clone().requires_grad_() for p in self.net.parameters()]
        torch.manual_seed(SEED)
        self.net.train()
        grads = torch.autograd.grad(self.inner_of(self._at(params, self.x), phi), params, create_graph=True)
        self.net.eval()
        return phi, params, list(grads)

    def one_step(self) -> Tensor:
        phi, params, grads = self._parts()
        ahead = [p - LR * g for p, g in zip(params, grads, strict=True)]
        return torch.autograd.grad(self.outer_of(self._at(ahead, self.vx)), phi)[0]

    def product(self) -> Tensor:
        phi, params, grads = self._parts()
        v = torch.autograd.grad(self.outer_of(self._at(params, self.vx)), params)
        return torch.autograd.grad(-sum((g * x).sum() for g, x in zip(grads, v, strict=True)), phi)[0]

    def plain(self) -> None:
        """One gradient, the unit of cost."""
        self.net.train()
        torch.autograd.grad(self.inner_of(self.net(self.x), self.phi), list(self.net.parameters()))


def relative(found: Tensor, exact: Tensor) -> float:
    return float((found - exact).norm() / exact.norm())


def say(
    problem: str, method: str, error: float, time_ratio: float | None = None, peak: float | None = None
) -> None:
    """One result, a line of JSON."""
    row = {"problem": problem, "method": method, "error": error, "time": time_ratio, "peak": peak}
    print(json.dumps(row), flush=True)


def cost(way: Callable[[], object], plain: Callable[[], object], rounds: int = 5) -> tuple[float, float]:
    """CPU time and allocator peak of one call, in those of a plain gradient; interleaved, medians."""
    ratios = []
    for _ in range(rounds + 1):
        spent = [_seconds(f) for f in (plain, way)]
        ratios.append(spent[1] / spent[0])
    return statistics.median(ratios[1:]), _peak(way) / _peak(plain)


def _seconds(way: Callable[[], object]) -> float:
    start = time.process_time()
    way()
    return time.process_time() - start


def _peak(way: Callable[[], object]) -> int:
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        way()
    events = [e for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    level = highest = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        level += event.nbytes()
        highest = max(highest, level)
    return highest
