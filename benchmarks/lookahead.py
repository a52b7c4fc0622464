"""What a meta step costs: the one-JVP look-ahead beside double backward and finite differences, schedule by
schedule.

    OMP_NUM_THREADS=1 python benchmarks/lookahead.py                   # VGG-16, batch 64: some minutes on
    one core
    OMP_NUM_THREADS=1 python benchmarks/lookahead.py --width 4 --batch 8 --rounds 1       # a smoke run

A label generator as large as the primary network makes soft labels over 100 auxiliary classes; MAXL's
losses; SGD.
Labels are detached in every training step. Time: CPU time of the one thread, variants interleaved in one
process, medians over the rounds.
FLOPs: counted by torch, in forwards F of the primary network. Memory: peak above the idle process, one
process each.
Every variant makes one training step and one meta step on one batch.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import psutil
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from auxin import BilevelProblem, training_gradient
from auxin.hypergradients.finite_difference import FiniteDifference
from auxin.hypergradients.lookahead import Lookahead
from auxin.math.functional import jvp
from auxin.math.params import dot, leaves
from auxin.math.tree import rebuild, tensors
from auxin.models._base import PrimaryNetwork
from auxin.models.vgg16 import VGG16
from auxin.optimizers import InnerStep

PRIMARY, AUXILIARY = 20, 100
Batch = tuple[Tensor, Tensor]


def head(width: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, classes))


class Generator(nn.Module):
    """Soft labels within each primary class, by a network like the primary one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        trunk = VGG16.build((3, 32, 32), channel_width=width)
        self.net = nn.Sequential(trunk, head(trunk.width, AUXILIARY))

    def forward(self, batch: Batch) -> Tensor:
        x, y = batch
        mine = torch.arange(AUXILIARY) // (AUXILIARY // PRIMARY) == y[:, None]
        return self.net(x).masked_fill(~mine, -torch.inf).softmax(1)


def main_loss(signals: Any, batch: Batch) -> Tensor:
    return F.cross_entropy(signals["main"], batch[1])


def criterion(signals: dict[str, Tensor], batch: Batch, targets: Tensor) -> Tensor:
    log_p = signals["aux"].log_softmax(1)
    return main_loss(signals, batch) - (targets * (1 - log_p.exp()) ** 2 * log_p).sum(1).mean()


class Setup:
    """Networks, optimisers and two batches, alike for every variant."""

    def __init__(self, width: int, batch: int, dtype: torch.dtype = torch.float32) -> None:
        torch.manual_seed(0)
        trunk = VGG16.build((3, 32, 32), channel_width=width)
        heads = {"main": head(trunk.width, PRIMARY), "aux": head(trunk.width, AUXILIARY)}
        self.network = PrimaryNetwork(trunk, heads).to(dtype).train()
        self.generator = Generator(width).to(dtype).train()
        self.weights, self.phi = list(self.network.parameters()), list(self.generator.parameters())
        self.names = [name for name, _ in self.network.named_parameters()]
        self.sgd = torch.optim.SGD(self.weights, lr=0.01)
        self.meta = torch.optim.SGD(self.phi, lr=1e-3, weight_decay=5e-4)
        self.batch, self.next = [
            (torch.randn(batch, 3, 32, 32, dtype=dtype), torch.arange(batch) % 20) for _ in "ab"
        ]
        self.problem = BilevelProblem(
            self.network, criterion, main_loss, self.phi, context=self.generator, auxiliary=[self.generator]
        )
        self.step = InnerStep(self.sgd, self.weights)
        self.shared: tuple[Sequence[Tensor], dict[str, Tensor]] | None = None

    def at(self, params: Sequence[Tensor], x: Tensor) -> dict[str, Tensor]:
        buffers = {name: b.clone() for name, b in self.network.named_buffers()}
        return functional_call(self.network, {**dict(zip(self.names, params, strict=True)), **buffers}, (x,))

    def move(
        self, optimizer: torch.optim.Optimizer, params: Sequence[Tensor], grads: Sequence[Tensor]
    ) -> None:
        for p, g in zip(params, grads, strict=True):
            p.grad = g
        optimizer.step()
        optimizer.zero_grad()


# ------------------------------------------------------------------------------------------------- variants


def train_only(s: Setup) -> None:
    with torch.no_grad():
        targets = s.generator(s.batch)
    criterion(s.network(s.batch[0]), s.batch, targets).backward()
    s.sgd.step()
    s.sgd.zero_grad()


def alternation(s: Setup) -> None:
    train_only(s)
    found = Lookahead("forward").estimate(s.problem, s.batch, s.batch, s.step)
    s.move(s.meta, s.phi, list(found.gradients))


def alternation_double(s: Setup) -> None:
    train_only(s)
    targets = s.generator(s.batch)
    grads = torch.autograd.grad(
        criterion(s.at(s.weights, s.batch[0]), s.batch, targets), s.weights, create_graph=True
    )
    ahead = [w - 0.01 * g for w, g in zip(s.weights, grads, strict=True)]
    outer = main_loss(s.at(ahead, s.batch[0]), s.batch)
    s.move(s.meta, s.phi, list(torch.autograd.grad(outer, s.phi)))


def fused(s: Setup, estimator: Lookahead | FiniteDifference | None = None) -> None:
    gradient = training_gradient(s.problem, s.batch)
    found = (estimator or Lookahead("forward")).estimate(s.problem, s.batch, s.batch, s.step, gradient)
    s.move(s.sgd, s.weights, gradient.gradients)
    s.move(s.meta, s.phi, list(found.gradients))


def fused_difference(s: Setup) -> None:
    fused(s, FiniteDifference())


def fused_double(s: Setup) -> None:
    targets = s.generator(s.batch)
    grads = torch.autograd.grad(
        criterion(s.network(s.batch[0]), s.batch, targets), s.weights, create_graph=True
    )
    ahead = [w - 0.01 * g for w, g in zip(s.weights, grads, strict=True)]
    hyper = torch.autograd.grad(main_loss(s.at(ahead, s.batch[0]), s.batch), s.phi)
    s.move(s.sgd, s.weights, [g.detach() for g in grads])
    s.move(s.meta, s.phi, list(hyper))


def fused_transposed(s: Setup) -> None:
    """The primal shared: S' is the transpose of the training step's own backward, u -> J'u, kept as a
    graph."""
    targets = s.generator(s.batch)
    out = s.network(s.batch[0])
    values = [v.detach().requires_grad_() for v in out.values()]
    pairs = dict(zip(out, values, strict=True))
    slopes = torch.autograd.grad(criterion(pairs, s.batch, targets), values, create_graph=True)
    u = [g.detach().requires_grad_() for g in slopes]
    grads = torch.autograd.grad(list(out.values()), s.weights, u, create_graph=True)
    ahead = [(w - 0.01 * g).detach().requires_grad_() for w, g in zip(s.weights, grads, strict=True)]
    v = torch.autograd.grad(main_loss(s.at(ahead, s.batch[0]), s.batch), ahead, allow_unused=True)
    known = [(g, 0.01 * c) for g, c in zip(grads, v, strict=True) if c is not None]
    tangents = torch.autograd.grad([g for g, _ in known], u, [p for _, p in known])
    slope = dot(slopes, tangents)
    hyper = torch.autograd.grad(-slope, s.phi)
    s.move(s.sgd, s.weights, [g.detach() for g in grads])
    s.move(s.meta, s.phi, list(hyper))


def following(s: Setup) -> None:
    """The outer loss on the next batch, whose forward at W+ is also the next training step's."""
    train, after = s.batch, s.next
    if s.shared is None:
        s.shared = (s.weights, s.network(train[0]))
    at, signals = s.shared
    targets = s.generator(train)
    loss = criterion(signals, train, targets.detach())
    grads = list(torch.autograd.grad(loss, at))
    ahead = [w.requires_grad_() for w in s.step.lookahead(grads)]
    signals = s.at(ahead, after[0])
    v = torch.autograd.grad(main_loss(signals, after), ahead, retain_graph=True, allow_unused=True)
    p = [torch.zeros_like(w) if c is None else 0.01 * c for w, c in zip(ahead, v, strict=True)]
    hyper = _hyper_from_slope(s, train, targets, p)
    s.move(s.sgd, s.weights, grads)
    s.move(s.meta, s.phi, hyper)
    s.shared, s.batch, s.next = (ahead, signals), after, train


def _hyper_from_slope(s: Setup, train: Batch, targets: Tensor, p: list[Tensor]) -> list[Tensor]:
    primal, tangent = jvp(s.network, s.weights, p, (train[0],))
    values = leaves(tensors(primal))
    loss = criterion(rebuild(primal, values), train, targets)
    slopes = torch.autograd.grad(loss, values, create_graph=True)
    slope = dot(slopes, tensors(tangent))
    return list(torch.autograd.grad(-slope, s.phi))


def following_double(s: Setup) -> None:
    train, after = s.batch, s.next
    if s.shared is None:
        s.shared = (s.weights, s.network(train[0]))
    at, signals = s.shared
    grads = torch.autograd.grad(criterion(signals, train, s.generator(train)), at, create_graph=True)
    moved = [w - 0.01 * g for w, g in zip(at, grads, strict=True)]
    ahead = [w.detach().requires_grad_() for w in moved]
    signals = s.at(ahead, after[0])
    v = torch.autograd.grad(main_loss(signals, after), ahead, retain_graph=True, allow_unused=True)
    known = [(w, c) for w, c in zip(moved, v, strict=True) if c is not None]
    hyper = torch.autograd.grad([w for w, _ in known], s.phi, [c for _, c in known])
    s.move(s.sgd, s.weights, [g.detach() for g in grads])
    s.move(s.meta, s.phi, list(hyper))
    s.shared, s.batch, s.next = (ahead, signals), after, train


VARIANTS: dict[str, tuple[str, str, Callable[[Setup], None]]] = {
    "train_only": ("training step alone", "(no meta step)", train_only),
    "alternation": ("alternation", "one JVP (auxin)", alternation),
    "alternation_double": ("alternation", "double backward", alternation_double),
    "fused": ("fused", "one JVP (auxin)", fused),
    "fused_double": ("fused", "double backward", fused_double),
    "fused_transposed": ("fused", "backward transposed, primal shared", fused_transposed),
    "fused_difference": ("fused", "finite difference (auxin)", fused_difference),
    "following": ("fused, outer loss on the next batch, forward shared", "one JVP", following),
    "following_double": (
        "fused, outer loss on the next batch, forward shared",
        "double backward",
        following_double,
    ),
}


PAIRS = [
    ("alternation", "alternation_double"),
    ("fused", "fused_double"),
    ("fused_transposed", "fused_double"),
    ("following", "following_double"),
    ("fused", "alternation_double"),
    ("following", "alternation_double"),
]
"""Which variant is set against which: twins first, then across schedules."""


# --------------------------------------------------------------------------------------------- measurements


def flops(width: int) -> dict[str, float]:
    """Counted FLOPs of one step, in forwards of the primary network on the same batch."""
    setup = Setup(width, 2)
    with FlopCounterMode(display=False) as counter:
        setup.network(setup.batch[0])
    forward, found = counter.get_total_flops(), {}
    for name, (_, _, step) in VARIANTS.items():
        setup.shared = (setup.weights, setup.network(setup.batch[0]))
        with FlopCounterMode(display=False) as counter:
            step(setup)
        found[name] = counter.get_total_flops() / forward
    return found


def times(width: int, batch: int, rounds: int) -> dict[str, list[float]]:
    """CPU seconds of one step, variants interleaved, after an unmeasured step on two rows each.

    The process has one thread, so its CPU time is what the step would take on an idle core.
    """
    found: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for _, _, step in VARIANTS.values():
        step(Setup(width, 2))
    for _ in range(rounds):
        for name, (_, _, step) in VARIANTS.items():
            setup = Setup(width, batch)
            if name.startswith("following"):  # the forward that it shares was paid for by the step before
                setup.shared = (setup.weights, setup.network(setup.batch[0]))
            start = time.process_time()
            step(setup)
            found[name].append(time.process_time() - start)
            print(f"{name}: {found[name][-1]:.2f} s", file=sys.stderr, flush=True)
    return found


def memory(name: str, width: int, batch: int) -> float:
    """Peak MiB above the idle process; to be run in a process of its own."""
    tiny = Setup(2, 2)
    VARIANTS[name][2](tiny)
    setup = Setup(width, batch)
    idle = psutil.Process().memory_info().rss
    for _ in range(2 if name.startswith("following") else 1):
        VARIANTS[name][2](setup)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - idle) / 2**20


def memory_of(name: str, width: int, batch: int) -> float:
    command = [sys.executable, __file__, "--memory", name, "--width", str(width), "--batch", str(batch)]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
    out = subprocess.run(command, env=quiet, capture_output=True, text=True, check=True).stdout
    return float(json.loads(out))


def errors(width: int, batch: int) -> dict[str, float]:
    """Relative error of the float32 hypergradient against float64 double backward, same point and batch."""
    torch.manual_seed(0)
    exact = _hypergradient(Setup(width, batch, torch.float64), Lookahead("reverse"))
    ways: dict[str, Lookahead | FiniteDifference] = {
        "one JVP": Lookahead("forward"),
        "double backward": Lookahead("reverse"),
    }
    for radius in (1e-2, 1e-3, 1e-4, 1e-5):
        ways[f"finite difference, radius {radius:g}"] = FiniteDifference(radius)
    single = {name: _hypergradient(Setup(width, batch), way) for name, way in ways.items()}
    found = {name: _difference(estimate, exact) for name, estimate in single.items()}
    found["one JVP against double backward, both float32"] = _difference(*list(single.values())[:2])
    found["one JVP, float64"] = _difference(
        _hypergradient(Setup(width, batch, torch.float64), Lookahead("forward")), exact
    )
    return found


def _hypergradient(setup: Setup, estimator: Lookahead | FiniteDifference) -> Tensor:
    source = Setup(setup.weights[0].shape[0], 2)  # the same float32 numbers in either precision
    rows = len(setup.batch[1])
    torch.manual_seed(1)
    setup.batch = (torch.randn(rows, 3, 32, 32).to(setup.batch[0].dtype), setup.batch[1])
    with torch.no_grad():
        for own, other in zip([*setup.weights, *setup.phi], [*source.weights, *source.phi], strict=True):
            own.copy_(other)
    found = estimator.estimate(setup.problem, setup.batch, setup.batch, setup.step)
    return torch.cat([g.reshape(-1).double() for g in found.gradients])


def _difference(found: Tensor, exact: Tensor) -> float:
    return float((found - exact).norm() / exact.norm())


# --------------------------------------------------------------------------------------------------- report


def flop_table(width: int) -> str:
    found = flops(width)
    rows = [f"| {name} | {VARIANTS[name][0]} | {VARIANTS[name][1]} | {f:.1f} |" for name, f in found.items()]
    return _markdown("variant | schedule | how | FLOPs, F", rows)


def time_table(found: dict[str, list[float]]) -> str:
    base = statistics.median(found["alternation_double"])
    rows = []
    for name, seconds in found.items():
        mid = statistics.median(seconds)
        rows.append(f"| {name} | {mid:.2f} | {min(seconds):.2f} | {mid / base:.2f} |")
    return _markdown("variant | CPU seconds, median | least | of alternation_double", rows)


def ratio_table(found: dict[str, list[float]]) -> str:
    """Medians of the rounds' ratios, each variant against a twin."""
    ratios = [statistics.median(a / b for a, b in zip(found[x], found[y], strict=True)) for x, y in PAIRS]
    rows = [f"| {x} | {y} | {ratio:.2f} |" for (x, y), ratio in zip(PAIRS, ratios, strict=True)]
    return _markdown("this | against | time", rows)


def memory_table(found: dict[str, float]) -> str:
    rows = [f"| {name} | {mib:.0f} | |" for name, mib in found.items()]
    rows += [f"| {x} | | {found[x] / found[y]:.2f} of {y} |" for x, y in PAIRS]
    return _markdown("variant | peak MiB above idle | ratio", rows)


def error_table(found: dict[str, float]) -> str:
    return _markdown("hypergradient | relative error", [f"| {k} | {v:.1e} |" for k, v in found.items()])


def _markdown(header: str, rows: list[str]) -> str:
    columns = header.count("|") + 1
    return "\n".join([f"| {header} |", "|" + "---|" * columns, *rows])


PARTS: dict[str, Callable[[int, int, int], str]] = {
    "flops": lambda width, batch, rounds: flop_table(width),
    "time": lambda width, batch, rounds: "\n\n".join(
        f(found) for found in [times(width, batch, rounds)] for f in (time_table, ratio_table)
    ),
    "memory": lambda width, batch, rounds: memory_table({n: memory_of(n, width, batch) for n in VARIANTS}),
    "error": lambda width, batch, rounds: error_table(errors(width, min(batch, 8))),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--width", type=int, default=64, help="feature maps in the first block (64 is VGG-16)"
    )
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=list(PARTS), help="one of the tables")
    parser.add_argument("--memory", choices=list(VARIANTS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.memory:
        print(json.dumps(memory(options.memory, options.width, options.batch)))
    else:
        about = f"VGG-16, width {options.width}, batch {options.batch}, {options.rounds} rounds"
        print(f"{about}, one thread, torch {torch.__version__}\n", flush=True)
        for part in [options.only] if options.only else list(PARTS):
            print(PARTS[part](options.width, options.batch, options.rounds), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
