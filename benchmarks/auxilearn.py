"""What AuxiLearn costs in training: a meta step every 25 steps beside equal weighting, and learned labels beside MAXL.

    OMP_NUM_THREADS=1 python benchmarks/auxilearn.py                                   # conv4 and VGG-16, batch 64
    OMP_NUM_THREADS=1 python benchmarks/auxilearn.py --network conv4 --width 4 --batch 8 --meta 8 --rounds 1   # smoke

Table 1, given auxiliaries: a main task and three given ones on one network. Equal weighting's training step against
AuxiLearn's (the nonlinear `monotone` combiner), plus a 25th of a meta step. Table 2, learned labels: the generator is
as large as the primary network (20 main classes, 5 labels each), `monotone` on top; against MAXL with a meta step after
every training step by double backward, nothing shared (the paper's algorithm: two forwards and backwards for each).

Time: CPU time of the one thread, variants interleaved in one process; each ratio is the median over the rounds of the
ratios within a round. A period is 25 training steps and one meta step, put together from steps that were timed alone.
All steps are the library's own (`auxin.training.steps.Learner`), apart from MAXL's double backward, written out here.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.func import functional_call

from auxin import catalogue
from auxin.combiners import build as build_combiner
from auxin.hypergradients import Estimator
from auxin.hypergradients.implicit import Implicit
from auxin.hypergradients.lookahead import Lookahead
from auxin.labelers.base import LabelerContext
from auxin.math.hierarchy import Hierarchy
from auxin.models import build_network
from auxin.solvers.base import Curvature
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.training.objective import Objective
from auxin.training.steps import Learner
from auxin.typing import Batch

CLASSES, PSI, SIDE, EVERY = 20, 5, 32, 25
GIVEN = {"fine": 100, "ten": 10, "parts": 5}
SHAPE = (3, SIDE, SIDE)
Steps = dict[str, Callable[[], object]]


def neumann(curvature: Curvature, subsample: int | None = None) -> Estimator:
    """Three terms, as in the authors' setting."""
    return Implicit(
        "neumann", curvature=curvature, subsample=subsample, alpha=0.01, terms=3, power_steps=0, check=False
    )


def estimators(half: int = 1) -> dict[str, Estimator]:
    """The meta steps: the Neumann series, also on half of the rows of both batches, and two cheaper ones."""
    return {
        "Neumann, Hessian": neumann("hessian"),
        "Neumann, Hessian, half the rows": neumann("hessian", half),
        "Neumann, Gauss-Newton": neumann("gauss_newton"),
        "identity": Implicit("identity", alpha=0.01, check=False),
        "look-ahead": Lookahead("forward"),
    }


def rows(count: int, seed: int) -> Batch:
    """Random images with every label."""
    generator = torch.Generator().manual_seed(seed)
    y = {name: torch.arange(count) % width for name, width in {"main": CLASSES, **GIVEN}.items()}
    return Batch(torch.randn(count, *SHAPE, generator=generator), y, torch.arange(count))


def learner(trunk: str, width: int, combiner: str, labels: str | None, way: Estimator | None) -> Learner:
    """Networks and optimisers for given auxiliaries, or for generated labels."""
    tasks: dict[str, Task] = {"main": Classes("main", CLASSES)}
    labeler = None
    if labels is None:
        tasks |= {name: Classes(name, width) for name, width in GIVEN.items()}
    else:
        some = rows(2, 0)
        make = catalogue.load("models", trunk).build
        context = LabelerContext(
            "main", Hierarchy.uniform(CLASSES, PSI), some.x, some.y, some.rows,
            lambda: make(SHAPE, channel_width=width), seed=0,
        )  # fmt: skip
        labeler = catalogue.load("labelers", labels).build(context)
        tasks |= labeler.tasks("focal")
    network = build_network(trunk, SHAPE, tasks, seed=0, channel_width=width).train()
    criterion = Objective(
        tasks, labeler, build_combiner(combiner, tuple(tasks)), learned=way is not None or labels is not None
    )
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    phi = criterion.phi()
    meta = torch.optim.SGD(phi, lr=1e-3) if phi else None
    return Learner(network, criterion, optimizer, way, meta, scale="raw")


def double_backward(made: Learner, batch: Batch) -> None:
    """MAXL's meta step on the same batch: the look-ahead and its derivative in one autograd graph."""
    criterion, network = made.criterion, made.network
    named = dict(network.named_parameters())
    kept = {name: buffer.clone() for name, buffer in network.named_buffers()}
    signals = functional_call(network, kept, (batch.x,))
    loss = criterion(signals, batch, criterion.context(batch))
    grads = torch.autograd.grad(loss, list(named.values()), create_graph=True)
    ahead = {name: w - 0.01 * g for (name, w), g in zip(named.items(), grads, strict=True)}
    outer = criterion.outer(functional_call(network, {**ahead, **kept}, (batch.x,)), batch)
    hyper: Sequence[Tensor] = torch.autograd.grad(outer, criterion.phi())
    assert made.meta_optimizer is not None
    for parameter, gradient in zip(criterion.phi(), hyper, strict=True):
        parameter.grad = gradient
    made.meta_optimizer.step()


def given_steps(trunk: str, width: int, batch: Batch, meta: Batch) -> Steps:
    """Table 1's steps."""
    equal = learner(trunk, width, "equal", None, None)
    found: Steps = {"equal": lambda: equal.train_step(batch)}
    for name, way in estimators(len(meta) // 2).items():
        made = learner(trunk, width, "monotone", None, way)
        if "train" not in found:
            found["train"] = lambda made=made: made.train_step(batch)
        found[name] = lambda made=made: made.meta_step(batch, meta)
    return found


def label_steps(trunk: str, width: int, batch: Batch, meta: Batch) -> Steps:
    """Table 2's steps."""
    maxl = learner(trunk, width, "equal", "maxl", Lookahead("forward"))
    found: Steps = {
        "MAXL, training step": lambda: maxl.train_step(batch),
        "MAXL, double backward": lambda: double_backward(maxl, batch),
    }
    for name, way in estimators(len(meta) // 2).items():
        made = learner(trunk, width, "monotone", "auxilearn", way)
        if "train" not in found:
            found["train"] = lambda made=made: made.train_step(batch)
        found[name] = lambda made=made: made.meta_step(batch, meta)
    return found


def times(steps: Steps, rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each step, interleaved, after a round that is not counted."""
    found: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            start = time.process_time()
            step()
            if turn:
                found[name].append(time.process_time() - start)
                print(f"{name}: {found[name][-1]:.3f} s", file=sys.stderr, flush=True)
    return found


def periods(found: dict[str, list[float]], against: Sequence[str]) -> list[tuple[str, float, float, float]]:
    """Per estimator: the meta step in training steps, its seconds, and the period over the reference's."""
    made = []
    for name in estimators():
        ratios, steps = [], []
        for i, train in enumerate(found["train"]):
            base = EVERY * sum(found[part][i] for part in against)
            ratios.append((EVERY * train + found[name][i]) / base)
            steps.append(found[name][i] / train)
        made.append(
            (name, statistics.median(steps), statistics.median(found[name]), statistics.median(ratios))
        )
    return made


def table(title: str, found: dict[str, list[float]], against: Sequence[str], bound: float) -> str:
    """One table in Markdown."""
    base = sum(statistics.median(found[part]) for part in against)
    train = statistics.median(found["train"])
    lines = [
        title,
        "",
        f"Reference step {base:.3f} s, AuxiLearn's training step {train:.3f} s ({train / base:.2f}).",
        "",
        f"| meta step every {EVERY} | one meta step, s | in training steps | whole training, of the reference's |",
        "|---|---:|---:|---:|",
    ]
    for name, steps, seconds, ratio in periods(found, against):
        shown = f"**{ratio:.2f}**" if ratio <= bound else f"{ratio:.2f}"
        lines.append(f"| {name} | {seconds:.3f} | {steps:.1f} | {shown} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=["conv4", "vgg16"], action="append")
    parser.add_argument("--width", type=int, help="feature maps; 32 for conv4, 64 for vgg16")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--meta", type=int, default=64, help="rows of the meta batch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["given", "labels"], help="one of the tables")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    batch, meta = rows(asked.batch, 1), rows(asked.meta, 2)
    for trunk in asked.network or ["conv4", "vgg16"]:
        width = asked.width or {"conv4": 32, "vgg16": 64}[trunk]
        about = f"{trunk}, width {width}, batch {asked.batch}, meta batch {asked.meta}, {asked.rounds} rounds"
        if asked.only != "labels":
            found = times(given_steps(trunk, width, batch, meta), asked.rounds)
            print(table(f"Given auxiliaries: {about}", found, ["equal"], 1.4), end="\n\n", flush=True)
        if asked.only != "given":
            found = times(label_steps(trunk, width, batch, meta), asked.rounds)
            against = ["MAXL, training step", "MAXL, double backward"]
            print(table(f"Learned labels: {about}", found, against, 1 / 3), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
