"""The problems that every library is tried on, with their exact hypergradients; torch and nothing else.

Quadratics, at w* = A^-1 B phi:  L_T = 1/2 w'Aw - w'B phi,  L_A = 1/2 |w - c|^2,  dL_A/dphi = B' A^-1 (w* - c).
Networks: L_T = mean_i softplus(phi_i) CE_i(W), L_A = CE. The MLP has dropout, masks drawn from one seed, and L_A in
evaluation mode; conv4 and vgg16 have batch norm, in training mode for both losses.
The one-step hypergradient is dL_A(W - lr grad L_T)/dphi; the plain product is -d/dphi <v, grad L_T(W, phi)> with
v = grad L_A(W), and the Neumann series has alpha sum_k (1 - alpha H)^k v, k = 0 ... TERMS, in the place of v.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.profiler import ProfilerActivity, profile

D, LR, SEED = torch.float64, 0.1, 11
ALPHA, TERMS = 0.01, 3
ROWS = {"mlp": 256, "conv4": 32, "vgg16": 16}
"""Training rows of each network, and as many meta rows."""


def chosen() -> list[str]:
    """The networks named on the command line; all where there are none."""
    return sys.argv[1:] or list(ROWS)


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


def block(before: int, after: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]


def build(kind: str) -> nn.Sequential:
    """The MLP, a 4-layer ConvNet of width 16 (2x2 positions left), or VGG-16 at an eighth of its width."""
    if kind == "mlp":
        return nn.Sequential(
            nn.Linear(32, 512), nn.ReLU(), nn.Dropout(0.1), nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(512, 10),
        )  # fmt: skip
    blocks = ((16,),) * 4 if kind == "conv4" else ((8,) * 2, (16,) * 2, (32,) * 3, (64,) * 3, (64,) * 3)
    layers, before = [], 3
    for maps in blocks:
        for after in maps:
            layers += block(before, after)
            before = after
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 10))


class Network:
    """A network, its data, and the references by double backward on one graph, under the same masks.

    Attributes:
        title: how its problems are named.
        training_mode: whether L_A is in training mode too.
    """

    def __init__(self, kind: str) -> None:
        torch.manual_seed(0)
        self.title, self.training_mode = "dropout" if kind == "mlp" else kind, kind != "mlp"
        self.net, rows, shape = build(kind).to(D), ROWS[kind], (32,) if kind == "mlp" else (3, 32, 32)
        self.x, self.vx = torch.randn(rows, *shape, dtype=D), torch.randn(rows, *shape, dtype=D)
        self.y, self.vy = torch.randint(10, (rows,)), torch.randint(10, (rows,))
        self.phi = torch.randn(rows, dtype=D)

    def inner_of(self, logits: Tensor, phi: Tensor) -> Tensor:
        return (F.softplus(phi) * F.cross_entropy(logits, self.y, reduction="none")).mean()

    def outer_of(self, logits: Tensor) -> Tensor:
        return F.cross_entropy(logits, self.vy)

    def inner_at(self, params: Sequence[Tensor], phi: Tensor) -> Tensor:
        torch.manual_seed(SEED)
        self.net.train()
        return self.inner_of(self._at(params, self.x), phi)

    def outer_at(self, params: Sequence[Tensor]) -> Tensor:
        self.net.train(self.training_mode)
        return self.outer_of(self._at(params, self.vx))

    def _at(self, params: Sequence[Tensor], x: Tensor) -> Tensor:
        names = [name for name, _ in self.net.named_parameters()]
        return functional_call(self.net, dict(zip(names, params, strict=True)), (x,))

    def _parts(self) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        phi = self.phi.clone().requires_grad_()
        params = [p.detach().clone().requires_grad_() for p in self.net.parameters()]
        return phi, params, list(torch.autograd.grad(self.inner_at(params, phi), params, create_graph=True))

    def one_step(self) -> Tensor:
        phi, params, grads = self._parts()
        ahead = [p - LR * g for p, g in zip(params, grads, strict=True)]
        return torch.autograd.grad(self.outer_at(ahead), phi)[0]

    def product(self) -> Tensor:
        phi, params, grads = self._parts()
        return torch.autograd.grad(grads, phi, [-v for v in self._outer_gradient(params)])[0]

    def neumann(self) -> Tensor:
        phi, params, grads = self._parts()
        term = self._outer_gradient(params)
        total = term
        for _ in range(TERMS):
            curved = torch.autograd.grad(grads, params, term, retain_graph=True)
            term = [t - ALPHA * h for t, h in zip(term, curved, strict=True)]
            total = [a + b for a, b in zip(total, term, strict=True)]
        return torch.autograd.grad(grads, phi, [-ALPHA * t for t in total])[0]

    def _outer_gradient(self, params: list[Tensor]) -> list[Tensor]:
        return list(torch.autograd.grad(self.outer_at(params), params))

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
