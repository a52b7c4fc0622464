"""Where a step's time goes: every part's own seconds, without those of the parts inside it.

Between two marks the time belongs to the innermost part that is running. On a GPU the marks are events in its stream,
so nothing waits while the step runs, and the time is the device's.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from auxin.hypergradients import _mixed, _outer, _self_check, finite_difference, implicit, lookahead
from auxin.math import products
from auxin.runs.build import PreparedRun
from auxin.training.compiled import CompiledStep
from auxin.training.steps import Learner

REST = "the rest"
PLACES: list[tuple[Any, str, str]] = [
    (Learner, "_training", "training forward, backward"),
    (lookahead, "unhooked", "gradient at W"),
    (finite_difference, "unhooked", "gradient at W"),
    (lookahead, "outer_gradient", "gradient at W+"),
    (finite_difference, "outer_gradient", "gradient at W+"),
    (implicit, "outer_gradient", "gradient v at W"),
    (_mixed, "jvp", "JVP"),
    (products, "jvp", "JVP"),
    (_self_check.WAYS, "reverse", "double backward's graph"),
    (finite_difference, "difference_slope", "two probes"),
    (implicit.Implicit, "_solve", "solver's products"),
    (_outer, "to_phi", "backward to phi"),
    (Learner, "inner_step", "optimisers"),
    (Learner, "meta_update", "optimisers"),
    (CompiledStep, "__call__", "compiled step"),
]
"""Functions of auxin, and what their time is called. The backward to phi is the labeler's (and, by double backward,
the primary network's second one)."""


class Marks:
    """The parts' seconds."""

    def __init__(self, device: str) -> None:
        self.cuda = device.startswith("cuda")
        self.stack, self.marks = [REST], []

    def mark(self) -> None:
        if not self.cuda:
            self.marks.append((time.perf_counter(), self.stack[-1]))
            return
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        self.marks.append((event, self.stack[-1]))

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        self.stack.append(name)
        self.mark()
        try:
            yield
        finally:
            self.stack.pop()
            self.mark()

    def seconds(self) -> dict[str, float]:
        """By part, from the first mark to the last."""
        if self.cuda:
            torch.cuda.synchronize()
        found: dict[str, float] = defaultdict(float)
        for (start, name), (end, _) in zip(self.marks[:-1], self.marks[1:], strict=True):
            found[name] += start.elapsed_time(end) / 1e3 if self.cuda else end - start
        return dict(found)


@contextmanager
def watched(built: PreparedRun, marks: Marks) -> Iterator[None]:
    """Within, auxin's functions mark when they run."""
    labeler = built.state.learner.criterion.labeler
    places = PLACES + ([] if labeler is None else [(type(labeler), "forward", "labeler forward")])
    kept = [(owner, name, _get(owner, name)) for owner, name, _ in places]
    for (owner, name, own), (_, _, part) in zip(kept, places, strict=True):
        _set(owner, name, _marking(own, part, marks))
    try:
        yield
    finally:
        for owner, name, own in kept:
            _set(owner, name, own)


def _get(owner: Any, name: str) -> Any:
    return owner[name] if isinstance(owner, dict) else getattr(owner, name)


def _set(owner: Any, name: str, value: Any) -> None:
    if isinstance(owner, dict):
        owner[name] = value
    else:
        setattr(owner, name, value)


def _marking(function: Callable[..., Any], part: str, marks: Marks) -> Callable[..., Any]:
    def marking(*arguments: Any, **options: Any) -> Any:
        with marks.part(part):
            return function(*arguments, **options)

    return marking
