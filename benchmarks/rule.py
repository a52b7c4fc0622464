"""What a meta-update of the learned update rule costs: all tasks at once, one by one, and by vmap.

    OMP_NUM_THREADS=1 python benchmarks/rule.py                          # the small preset, about a minute
    OMP_NUM_THREADS=1 python benchmarks/rule.py --preset paper --batch 32 --steps 2 --rounds 1
    OMP_NUM_THREADS=1 python benchmarks/rule.py --steps 2 --rounds 1     # a smoke run
    python benchmarks/rule.py --device cuda --preset paper --tasks 32 --batch 128 --steps 8

One meta-update: `steps` inner steps of T networks, few-shot ridge on the last state, back-propagation to theta. Time:
CPU time of the one thread (wall time on a GPU), variants interleaved in one process, medians over the rounds. Memory:
bytes kept for the backward pass, counted where autograd saves them. The gradients must agree.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from auxin.rules.gradients import TruncatedGradient
from auxin.rules.objective import few_shot_ridge, meta_loss
from auxin.rules.pool import PoolMaker
from auxin.rules.sampler import TaskSampler
from auxin.rules.tasks import FewShot
from auxin.update_rules.base import State
from auxin.update_rules.learned import Learned

Variant = Callable[[Learned, State, list[Tensor], FewShot], list[Tensor]]


def gradient(rule: Learned, loss: Tensor) -> list[Tensor]:
    return [g.detach() for g in torch.autograd.grad(loss, list(rule.parameters()))]


def at_once(rule: Learned, state: State, batches: list[Tensor], draw: FewShot) -> list[Tensor]:
    for x in batches:
        state = rule.step(state, x)
    return gradient(rule, meta_loss(rule, state, draw).mean())


def one_by_one(rule: Learned, state: State, batches: list[Tensor], draw: FewShot) -> list[Tensor]:
    losses = []
    for t in range(state.tasks):
        own = state.with_tensors([s[t : t + 1] for s in state.tensors()])
        for x in batches:
            own = rule.step(own, x[t : t + 1])
        losses.append(meta_loss(rule, own, one_task(draw, t)))
    return gradient(rule, torch.cat(losses).mean())


def one_task(draw: FewShot, t: int) -> FewShot:
    parts = (draw.support_x, draw.support_y, draw.query_x, draw.query_y)
    return FewShot(*(p[t : t + 1] for p in parts))


def by_vmap(rule: Learned, state: State, batches: list[Tensor], draw: FewShot) -> list[Tensor]:
    def single(tensors: list[Tensor], x: Tensor) -> list[Tensor]:
        own = state.with_tensors([t[None] for t in tensors])
        return [t[0] for t in rule.step(own, x[None]).tensors()]

    step = torch.func.vmap(single)
    tensors = state.tensors()
    for x in batches:
        tensors = step(tensors, x)
    return gradient(rule, meta_loss(rule, state.with_tensors(tensors), draw).mean())


VARIANTS: dict[str, Variant] = {
    "all tasks at once": at_once,
    "vmap": by_vmap,
    "one task at a time": one_by_one,
}


class Counting:
    """Adds up the storage that autograd keeps."""

    def __init__(self) -> None:
        self.kept: dict[int, int] = {}

    def hooks(self) -> AbstractContextManager[None]:
        def pack(x: Tensor) -> Tensor:
            storage = x.untyped_storage()
            self.kept[storage.data_ptr()] = storage.nbytes()
            return x

        return torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x)

    def megabytes(self) -> float:
        return sum(self.kept.values()) / 2**20


def now(device: str) -> float:
    if device != "cpu":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def measure(options: argparse.Namespace) -> None:
    torch.manual_seed(0)
    rule = Learned.preset(options.preset).to(options.device)
    width = rule.embedding or 16
    hidden = tuple(int(w) for w in options.hidden.split(","))
    sampler = TaskSampler(mix={"textures": 1.0}, hidden=(hidden,), embedding=width)
    pool = PoolMaker(sampler, 0, options.tasks, (10, 10), options.device).fresh(rule, 0, 0)
    batches = [pool.unlabelled(options.batch) for _ in range(options.steps)]
    draw = pool.few_shot(5)
    names = [n for n in VARIANTS if n in options.variants.split(";")] if options.variants else list(VARIANTS)
    times: dict[str, list[float]] = {name: [] for name in names}
    first: list[Tensor] | None = None
    for number in range(options.rounds + 1):
        for name in names:
            begun = now(options.device)
            found = VARIANTS[name](rule, pool.state, batches, draw)
            if number:
                times[name].append(now(options.device) - begun)
            first = first or found
            gap = max(float((a - b).abs().max()) for a, b in zip(first, found, strict=True))
            assert gap < 1e-3, f"{name} gives another gradient: {gap}"
    base = statistics.median(times[names[0]])
    print(f"{options.preset}, {options.tasks} networks {pool.state.widths}, batch {options.batch}, ", end="")
    print(f"{options.steps} inner steps, {options.device}\n")
    print("| variant | s per meta-update | meta-updates per minute | times | kept for backward, MB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in names:
        counting = Counting()
        with counting.hooks():
            VARIANTS[name](rule, pool.state, batches, draw)
        s = statistics.median(times[name])
        print(f"| {name} | {s:.3f} | {60 / s:.0f} | {s / base:.2f} | {counting.megabytes():.0f} |")
    recomputed(rule, pool.state.tasks, options, sampler)


def recomputed(rule: Learned, tasks: int, options: argparse.Namespace, sampler: TaskSampler) -> None:
    """The trainer's own estimator with per-step recomputation, for its memory."""
    pool = PoolMaker(sampler, 0, tasks, (10, 10), options.device).fresh(rule, 0, 0)
    estimator = TruncatedGradient(few_shot_ridge, batch=options.batch, recompute=True)
    counting = Counting()
    estimator(rule, pool, 1)
    begun = now(options.device)
    estimator(rule, pool, options.steps)
    s = now(options.device) - begun
    pool = PoolMaker(sampler, 0, tasks, (10, 10), options.device).fresh(rule, 0, 0)
    with counting.hooks():
        estimator.unrolled(rule, pool, options.steps)
    print(f"| all at once, steps recomputed | {s:.3f} | {60 / s:.0f} | | {counting.megabytes():.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="small")
    parser.add_argument("--tasks", type=int, default=6)
    parser.add_argument("--hidden", default="64")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--variants", default="", help="names separated by ';'; all where empty")
    options = parser.parse_args()
    if options.device == "cpu":
        torch.set_num_threads(1)
    measure(options)


if __name__ == "__main__":
    main()
