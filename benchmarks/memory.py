"""Peak memory of meta steps on a small transformer: under activation checkpointing, and of unrolls of many steps.

    OMP_NUM_THREADS=1 python benchmarks/memory.py                      # two tables in Markdown
    OMP_NUM_THREADS=1 python benchmarks/memory.py --layers 2 --steps 1 2       # a smoke run

Eight blocks of width 64, 8 sequences of 64 tokens; phi is a weight per sequence; SGD; float32. Peaks are the
allocator's, above what was there before the call, in those of a plain gradient without checkpointing; times are CPU
times of one thread in those of a plain gradient, the least of three.
"""

import argparse
import time
from collections.abc import Callable, Sequence

import torch
from estimators import peak
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

from auxin.hypergradients import BilevelProblem, hypergradient

RATE, ROWS, TOKENS, WIDTH, WORDS = 0.1, 8, 64, 64, 50


class Transformer(nn.Module):
    """Logits of the next token; every block is checkpointed on request."""

    def __init__(self, layers: int, checkpointed: bool) -> None:
        super().__init__()
        self.checkpointed = checkpointed
        self.embedding, self.head = nn.Embedding(WORDS, WIDTH), nn.Linear(WIDTH, WORDS)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, 0.0, batch_first=True, norm_first=True)
            for _ in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.embedding(x)
        for block in self.blocks:
            hidden = checkpoint(block, hidden, use_reentrant=False) if self.checkpointed else block(hidden)
        return self.head(hidden)


class Setup:
    """The network, two batches and the two losses."""

    def __init__(self, layers: int, checkpointed: bool) -> None:
        torch.manual_seed(0)
        self.network = Transformer(layers, checkpointed)
        self.names = [name for name, _ in self.network.named_parameters()]
        self.weights = list(self.network.parameters())
        self.train, self.meta = ((torch.randint(WORDS, (ROWS, TOKENS)),) for _ in range(2))
        self.phi = torch.zeros(ROWS, requires_grad=True)
        self.problem = BilevelProblem(self.network, self.inner, self.outer, [self.phi])
        self.sgd = torch.optim.SGD(self.weights, lr=RATE)

    def inner(self, logits: Tensor, batch: tuple[Tensor]) -> Tensor:
        losses = F.cross_entropy(logits[:, :-1].flatten(0, 1), batch[0][:, 1:].flatten(), reduction="none")
        return (losses.view(ROWS, -1).mean(1) * self.phi.exp()).mean()

    def outer(self, logits: Tensor, batch: tuple[Tensor]) -> Tensor:
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), batch[0][:, 1:].flatten())

    def plain(self) -> Sequence[Tensor]:
        return torch.autograd.grad(self.inner(self.network(*self.train), self.train), self.weights)

    def auxin(self, **options: object) -> Sequence[Tensor]:
        return hypergradient(self.problem, self.train, self.meta, optimizer=self.sgd, **options).gradients  # type: ignore[arg-type]

    def one_graph(self, steps: int) -> Sequence[Tensor]:
        """The same by one autograd graph through all steps."""
        at: Sequence[Tensor] = self.weights
        with sdpa_kernel(SDPBackend.MATH):
            for _ in range(steps):
                grads = torch.autograd.grad(
                    self.inner(self._at(at, self.train), self.train), at, create_graph=True
                )
                at = [w - RATE * g for w, g in zip(at, grads, strict=True)]
            return torch.autograd.grad(self.outer(self._at(at, self.meta), self.meta), [self.phi])

    def _at(self, at: Sequence[Tensor], batch: tuple[Tensor]) -> Tensor:
        return functional_call(self.network, dict(zip(self.names, at, strict=True)), batch)


def cost(call: Callable[[], object], base: tuple[float, float]) -> tuple[float, float]:
    """Time and peak in those of the base."""
    return least(call) / base[0], peak(lambda _: call(), None) / base[1]  # type: ignore[arg-type, return-value]


def least(call: Callable[[], object]) -> float:
    found = []
    for _ in range(3):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return min(found)


def checkpointing(layers: int, base: tuple[float, float]) -> str:
    lines = ["| | time | peak | checkpointed: time | peak |", "|---|---|---|---|---|"]
    whole, parts = Setup(layers, False), Setup(layers, True)
    ways: dict[str, Callable[[Setup], object]] = {
        "plain gradient": lambda s: s.plain(),
        "look-ahead, auxin": lambda s: s.auxin(check=False),
        "look-ahead, double backward": lambda s: s.one_graph(1),
    }
    exact = whole.auxin(check=False)[0]
    for name, way in ways.items():
        cells = [*cost(lambda way=way: way(whole), base)]
        try:
            cells += cost(lambda way=way: way(parts), base)
        except RuntimeError as error:
            shown = f"{type(error).__name__} | "
        else:
            shown = f"{cells[2]:.2f} | {cells[3]:.2f}"
        lines.append(f"| {name} | {cells[0]:.2f} | {cells[1]:.2f} | {shown} |")
    for found in (parts.auxin(check=False)[0], whole.one_graph(1)[0]):
        assert (found - exact).norm() < 1e-3 * exact.norm()
    return "\n".join(lines)


def unrolls(layers: int, base: tuple[float, float], steps: Sequence[int]) -> str:
    lines = [
        "| steps | one graph: time | peak | auxin: time | peak | auxin of one graph | auxin, checkpointed: peak |",
        "|---|---|---|---|---|---|---|",
    ]
    whole, parts = Setup(layers, False), Setup(layers, True)
    for count in steps:
        options = {"estimator": "unrolled", "steps": count}
        whole.auxin(**options), parts.auxin(**options)  # the first batch is examined
        one = cost(lambda count=count: whole.one_graph(count), base)
        ours = cost(lambda options=options: whole.auxin(**options), base)
        less = cost(lambda options=options: parts.auxin(**options), base)
        lines.append(
            f"| {count} | {one[0]:.1f} | {one[1]:.2f} | {ours[0]:.1f} | {ours[1]:.2f} | {ours[1] / one[1]:.2f} "
            f"| {less[1]:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    options = parser.parse_args()
    torch.set_num_threads(1)
    setup = Setup(options.layers, False)
    setup.plain()
    base = least(setup.plain), peak(lambda _: setup.plain(), None)  # type: ignore[arg-type]
    print(
        f"{options.layers} blocks, a plain gradient: {base[0] * 1e3:.0f} ms, {base[1]:.0f} MiB\n", flush=True
    )
    print(checkpointing(options.layers, base), end="\n\n", flush=True)
    print(unrolls(options.layers, base, options.steps), flush=True)


if __name__ == "__main__":
    main()
