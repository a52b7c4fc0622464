"""What an implicit meta step costs: AuxiLearn's setting beside the same mathematics by double backward.

    OMP_NUM_THREADS=1 python benchmarks/estimators.py                          # ConvNet and VGG-16, tables 1 and 2
    OMP_NUM_THREADS=1 python benchmarks/estimators.py --growth                 # how cost grows, on the ConvNet
    OMP_NUM_THREADS=1 python benchmarks/estimators.py --network conv4 --width 4 --rows 4 --rounds 1    # a smoke run

Phi is a label generator as large as the primary network (5 soft labels per main class, 20 main classes) and a
monotone combiner of the two losses; focal losses; the Neumann series with 3 terms unless said otherwise. The
reference is the authors' way: grad_W L_T with create_graph, all products and the mixed product on that graph.

Time: CPU time of the one thread, variants interleaved in one process, the median over the rounds of the ratio to a
plain gradient (one forward and backward of the main loss on the training batch) of the same round. Memory: the
allocator's peak above what was there before the step, divided by the plain gradient's. FLOPs: counted by torch, in
forwards F of the primary network. Error: relative, against the reference in float64 at the same point.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from auxin import catalogue
from auxin.hypergradients.implicit import Implicit
from auxin.hypergradients.unrolled import Unrolled
from auxin.labelers.base import LABELS, LabelerContext
from auxin.math.functional import call
from auxin.math.hierarchy import Hierarchy
from auxin.models import build_network
from auxin.optimizers import InnerStep
from auxin.tasks.classes import Classes
from auxin.training.objective import Objective
from auxin.typing import Batch

CLASSES, PSI, ALPHA, SIDE = 20, 5, 0.01, 32


@dataclass(eq=False)
class Setup:
    """Networks and two batches, alike for every variant."""

    network: nn.Module
    criterion: Objective
    train: Batch
    meta: Batch

    def __post_init__(self) -> None:
        self.weights = list(self.network.parameters())
        self.problem = self.criterion.problem(self.network)
        self.phi = list(self.problem.phi)


def batch(rows: int, seed: int, dtype: torch.dtype) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 3, SIDE, SIDE, generator=generator).to(dtype)
    return Batch(x, {"main": torch.arange(rows) % CLASSES}, torch.arange(rows))


def setup(trunk: str, width: int, rows: int, meta_rows: int, dtype: torch.dtype = torch.float32) -> Setup:
    tasks = {"main": Classes("main", CLASSES), LABELS: Classes(LABELS, CLASSES * PSI)}
    network = build_network(trunk, (3, SIDE, SIDE), tasks, seed=0, channel_width=width)
    some = batch(2, 0, torch.float32)
    make_trunk = catalogue.load("models", trunk).build
    context = LabelerContext(
        "main", Hierarchy.uniform(CLASSES, PSI), some.x, some.y, some.rows,
        lambda: make_trunk((3, SIDE, SIDE), channel_width=width), seed=0,
    )  # fmt: skip
    torch.manual_seed(0)
    labeler = catalogue.load("labelers", "auxilearn").build(context)
    combiner = catalogue.load("combiners", "monotone")(2)
    criterion = Objective(tasks, labeler.to(dtype), combiner.to(dtype))
    return Setup(network.to(dtype).train(), criterion, batch(rows, 1, dtype), batch(meta_rows, 2, dtype))


# ------------------------------------------------------------------------------------------------- variants

Way = Callable[[Setup], Sequence[Tensor]]


def plain(s: Setup) -> Sequence[Tensor]:
    """One forward and backward of the primary network."""
    loss = s.criterion.outer(s.network(s.train.x), s.train)
    return torch.autograd.grad(loss, s.weights, allow_unused=True)


def double_backward(s: Setup, terms: int = 3) -> Sequence[Tensor]:
    """The authors' way, with the factor alpha."""
    outer = s.criterion.outer(s.network(s.meta.x), s.meta)
    term = list(torch.autograd.grad(outer, s.weights, allow_unused=True, materialize_grads=True))
    loss = s.criterion(s.network(s.train.x), s.train, s.criterion.context(s.train))
    grads = torch.autograd.grad(loss, s.weights, create_graph=True)
    total = list(term)
    for _ in range(terms):
        applied = torch.autograd.grad(grads, s.weights, term, retain_graph=True)
        term = [t - ALPHA * h for t, h in zip(term, applied, strict=True)]
        total = [a + b for a, b in zip(total, term, strict=True)]
    return torch.autograd.grad(grads, s.phi, [-ALPHA * t for t in total], allow_unused=True)


def neumann(curvature: str, terms: int = 3) -> Way:
    """auxin's, at the reference's alpha; without the self-check of the first batch."""
    estimator = Implicit("neumann", curvature=curvature, alpha=ALPHA, terms=terms, power_steps=0, check=False)  # type: ignore[arg-type]
    return lambda s: estimator.estimate(s.problem, s.train, s.meta).gradients


def unrolled(steps: int, segment: int = 1) -> Way:
    """auxin's unroll of T steps of SGD, by adjoint recursion; `segment=0` stores every sqrt(T)-th iterate."""
    estimator = Unrolled(steps, segment)

    def way(s: Setup) -> Sequence[Tensor]:
        step = InnerStep(torch.optim.SGD(s.weights, lr=ALPHA), s.weights)
        return estimator.estimate(s.problem, s.train, s.meta, step).gradients

    return way


def unrolled_on_one_graph(s: Setup, steps: int) -> Sequence[Tensor]:
    """The same by one autograd graph through all steps."""
    at: Sequence[Tensor] = s.weights
    for _ in range(steps):
        loss = s.criterion(call(s.network, at, (s.train.x,)), s.train, s.criterion.context(s.train))
        grads = torch.autograd.grad(loss, at, create_graph=True)
        at = [w - ALPHA * g for w, g in zip(at, grads, strict=True)]
    outer = s.criterion.outer(call(s.network, at, (s.meta.x,)), s.meta)
    return torch.autograd.grad(outer, s.phi, allow_unused=True)


def solver(name: str, **options: object) -> Way:
    estimator = Implicit(name, check=False, **options)  # type: ignore[arg-type]
    return lambda s: estimator.estimate(s.problem, s.train, s.meta).gradients


WAYS: dict[str, Callable[[], Way]] = {
    "plain gradient": lambda: plain,
    "double backward on a retained graph": lambda: double_backward,
    "auxin, Hessian": lambda: neumann("hessian"),
    "auxin, Gauss-Newton": lambda: neumann("gauss_newton"),
    "auxin, identity": lambda: solver("identity", alpha=ALPHA),
    "auxin, conjugate gradient on Gauss-Newton, 3 steps": lambda: solver("gauss_newton", steps=3),
}


# --------------------------------------------------------------------------------------------- measurements


def times(ways: dict[str, Way], s: Setup, rounds: int) -> dict[str, list[float]]:
    """CPU seconds, variants interleaved."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            way(s)
            found[name].append(time.process_time() - start)
            print(f"{name}: {found[name][-1]:.2f} s", file=sys.stderr, flush=True)
    return found


def peak(way: Way, s: Setup) -> float:
    """The allocator's peak during one call above what was there before, MiB."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        way(s)
    assert seen.profiler is not None
    assert seen.profiler.kineto_results is not None
    events = [e for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    level = highest = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        level += event.nbytes()
        highest = max(highest, level)
    return highest / 2**20


class FlopCounter(TorchDispatchMode):
    """Counts multiplications and additions of convolutions and matrix products."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out, rule = func(*args, **(kwargs or {})), flop_registry.get(func._overloadpacket)
        if rule is not None:
            self.total += rule(*args, **(kwargs or {}), out_val=out)
        return out


def flops(way: Way, s: Setup) -> float:
    """In forwards of the primary network on the training batch."""
    with FlopCounter() as counter:
        way(s)
    with FlopCounter() as forward, torch.no_grad():
        s.network(s.train.x)
    return counter.total / forward.total


def error(way: Way, small: Setup, exact: Sequence[Tensor]) -> float:
    found = way(small)
    gap = torch.cat([(a.double() - b).flatten() for a, b in zip(found, exact, strict=True)])
    return float(gap.norm() / torch.cat([b.flatten() for b in exact]).norm())


# --------------------------------------------------------------------------------------------------- report


def measured(
    ways: dict[str, Way], s: Setup, small: Setup, rounds: int
) -> list[tuple[str, float, float, float, float]]:
    """Per variant: FLOPs in F (on the small batch, which also warms up), median time ratio, median seconds, memory."""
    flop = {name: flops(way, small) for name, way in ways.items()}
    seconds = times(ways, s, rounds)
    mib = {name: peak(way, s) for name, way in ways.items()}
    base, base_mib = seconds["plain gradient"], mib["plain gradient"]
    return [
        (
            name,
            flop[name],
            statistics.median([a / b for a, b in zip(seconds[name], base, strict=True)] or [1.0]),
            statistics.median(seconds[name] or [1.0]),
            mib[name] / base_mib,
        )
        for name in ways
    ]


def table(trunk: str, width: int, rows: int, meta_rows: int, rounds: int) -> str:
    s = setup(trunk, width, rows, meta_rows)
    ways = {name: make() for name, make in WAYS.items()}
    small = setup(trunk, width, 4, 4)
    found = measured(ways, s, small, rounds)
    reference = next(row for row in found if row[0].startswith("double backward"))
    exact = double_backward(setup(trunk, width, 4, 4, torch.float64))
    lines = [
        f"{trunk}, width {width}; training batch {rows}, meta batch {meta_rows}; {rounds} rounds",
        "",
        "| | FLOPs, F | time, of a gradient | peak, of a gradient's | time, of double backward "
        "| peak, of double backward's | error |",
        "|" + "---|" * 7,
    ]
    for name, flop, ratio, second, memory in found:
        same = name in ("double backward on a retained graph", "auxin, Hessian")
        off = f"{error(ways[name], small, exact):.0e}" if same else ""
        lines.append(
            f"| {name} | {flop:.1f} | {ratio:.1f} ({second:.2f} s) | {memory:.2f} "
            f"| {ratio / reference[2]:.2f} | {memory / reference[4]:.2f} | {off} |"
        )
    return "\n".join(lines)


def growth(width: int, rounds: int) -> str:
    """How time and peak grow with the terms, the length of an unroll and the batch, on the ConvNet."""
    lines = ["| | time, of a gradient | peak, of a gradient's |", "|---|---|---|"]
    s, small = setup("conv4", width, 16, 16), setup("conv4", width, 4, 4)
    ways: dict[str, Way] = {"plain gradient": plain}
    for k in (0, 1, 3, 10):
        ways[f"Neumann, {k} terms, double backward"] = lambda s, k=k: double_backward(s, k)
        ways[f"Neumann, {k} terms, auxin, Hessian"] = neumann("hessian", k)
        ways[f"Neumann, {k} terms, auxin, Gauss-Newton"] = neumann("gauss_newton", k)
    for t in (1, 2, 4, 8):
        ways[f"unroll, {t} steps, one autograd graph"] = lambda s, t=t: unrolled_on_one_graph(s, t)
        ways[f"unroll, {t} steps, auxin"] = unrolled(t)
    ways["unroll, 8 steps, auxin, in segments"] = unrolled(8, 0)
    lines += [
        f"| {n} | {ratio:.1f} | {mib:.2f} |" for n, _, ratio, _, mib in measured(ways, s, small, rounds)
    ]
    for rows in (8, 32, 64):
        ways = {name: WAYS[name]() for name in list(WAYS)[:4]}
        found = measured(ways, setup("conv4", width, rows, rows), small, rounds)
        lines += [
            f"| batch {rows}: {n} | {ratio:.1f} ({sec:.2f} s) | {mib:.2f} |"
            for n, _, ratio, sec, mib in found
        ]
    return "\n".join(
        [f"conv4, width {width}; batches of 16 unless said otherwise; {rounds} rounds", "", *lines]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=["conv4", "vgg16"], help="one of the two networks")
    parser.add_argument("--width", type=int, help="feature maps in the first block (32 and 64)")
    parser.add_argument("--rows", type=int, default=16, help="training batch")
    parser.add_argument("--meta-rows", type=int, help="meta batch (the training batch's size)")
    parser.add_argument("--rounds", type=int, default=5, help="0 measures memory alone; times are then all 1")
    parser.add_argument("--growth", action="store_true", help="how cost grows, and nothing else")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread\n")
    if options.growth:
        print(growth(options.width or 32, options.rounds))
        return
    for trunk, width in (("conv4", 32), ("vgg16", 64)):
        if options.network in (None, trunk):
            rows = options.rows
            print(table(trunk, options.width or width, rows, options.meta_rows or rows, options.rounds), "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
