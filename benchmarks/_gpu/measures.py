"""The measurements of one variant."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from _gpu.floors import bound, floors, wait, work
from _gpu.parts import Marks, watched
from _gpu.variants import EPOCHS, ROWS, SIZE, Sizes, Variant, batches, both, make
from auxin.data import Dataset
from auxin.math.deferred import deferred
from auxin.runs.build import PreparedRun


def measure(
    dataset: Dataset, variant: Variant, sizes: Sizes, device: str, rate: dict[str, float]
) -> dict[str, Any]:
    """Everything about one variant; its error, should it fail, in the place of numbers."""
    try:
        built = make(dataset, variant, sizes, device)
        losses = curve(built, sizes)
        taken = seconds(built, sizes, device)
        step = taken["train"] + taken["batch"]
        step += (taken["meta"] + taken["batch"]) / variant.every if "meta" in taken else 0.0
        counts, needs = launches(built, device), work(built, variant)
        started = None if counts is None else counts[0] + counts[1] / variant.every
        floor = floors(variant, needs, rate)
        return {
            "losses": losses,
            "seconds": taken | {"step": step},
            "shares": shares(built, variant, sizes, device),
            "launches": started,
            "peak MiB": peak(built, device),
            "images per second": sizes.batch / step,
            "epoch seconds": step * ROWS / SIZE,
            "minutes for 200 epochs": step * ROWS / SIZE * EPOCHS / 60,
            "work": needs,
            "floors": floor,
            "bound": bound(variant, step, started, floor),
            "notes": list(built.state.learner.notes),
        }
    except (RuntimeError, ValueError, NotImplementedError) as error:
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
    finally:
        if device.startswith("cuda"):
            torch.cuda.empty_cache()


def curve(built: PreparedRun, sizes: Sizes) -> list[list[float]]:
    """The losses [main, labels, outer] of the first steps, a training and a meta step on each batch."""
    feed = batches(built)
    with deferred():
        found = [both(built, next(feed)) for _ in range(sizes.curve)]
    return torch.stack(found).tolist()


def seconds(built: PreparedRun, sizes: Sizes, device: str) -> dict[str, float]:
    """Seconds of making a batch, a training step, a meta step: the clock around many, waiting only at the end."""
    feed, learner = batches(built), built.state.learner
    held = [next(feed) for _ in range(4)]
    kinds: dict[str, Callable[[int], Any]] = {
        "batch": lambda _: next(feed),
        "train": lambda i: learner.train_step(held[i % 4]),
    }
    if learner.learns:
        kinds["meta"] = lambda i: learner.meta_step(held[i % 4], held[i % 4])
    found = {}
    for name, kind in kinds.items():
        rounds = []
        for _ in range(sizes.rounds):
            wait(device)
            start = time.perf_counter()
            with deferred():
                for i in range(sizes.steps):
                    kind(i)
            wait(device)
            rounds.append((time.perf_counter() - start) / sizes.steps)
        found[name] = statistics.median(rounds[1:])
    return found


def shares(built: PreparedRun, variant: Variant, sizes: Sizes, device: str) -> dict[str, float]:
    """The parts' shares of a training step with its share of a meta step, batches included."""
    feed, learner, found = batches(built), built.state.learner, {}
    kinds: list[tuple[float, Callable[..., Any]]] = [(1.0, lambda b: learner.train_step(b))]
    if learner.learns:
        kinds.append((1 / variant.every, lambda b: learner.meta_step(b, b)))
    for weight, kind in kinds:
        marks = Marks(device)
        with watched(built, marks), deferred():
            marks.mark()
            for _ in range(min(sizes.steps, 20)):
                with marks.part("data and augmentation"):
                    batch = next(feed)
                kind(batch)
            marks.mark()
        for name, value in marks.seconds().items():
            found[name] = found.get(name, 0.0) + weight * value
    total = sum(found.values())
    return {name: value / total for name, value in found.items()}


def peak(built: PreparedRun, device: str) -> float:
    """MiB at most in a training and a meta step: of the device in all, or allocated on a CPU above what was there."""
    batch = next(batches(built))
    if device.startswith("cuda"):
        wait(device)
        torch.cuda.reset_peak_memory_stats()
        with deferred():
            both(built, batch)
        wait(device)
        return torch.cuda.max_memory_allocated() / 2**20
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen, deferred():
        both(built, batch)
    assert seen.profiler is not None
    assert seen.profiler.kineto_results is not None
    level = highest = 0
    events = [e for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]
    for event in sorted(events, key=lambda e: e.start_ns()):
        level += event.nbytes()
        highest = max(highest, level)
    return highest / 2**20


def launches(built: PreparedRun, device: str) -> tuple[int, int] | None:
    """Kernels started on the device by a training step and by a meta step; None where there is no GPU."""
    if not device.startswith("cuda"):
        return None
    learner, batch = built.state.learner, next(batches(built))

    def count(do: Callable[[], Any]) -> int:
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen, deferred():
            do()
            wait(device)
        events = [e for e in seen.events() or [] if "CUDA" in str(e.device_type)]
        return sum("mem" not in e.name.lower() for e in events)

    meta = count(lambda: learner.meta_step(batch, batch)) if learner.learns else 0
    return count(lambda: learner.train_step(batch)), meta


def deviation(found: list[list[float]], base: list[list[float]]) -> dict[str, float]:
    """Largest and mean difference from the base curve, relative to the base's mean loss of each kind."""
    a, b = torch.tensor(found, dtype=torch.float64), torch.tensor(base, dtype=torch.float64)
    gap = (a - b).abs() / b.abs().mean(0)
    return {"max": float(gap.max()), "mean": float(gap.mean())}
