"""FLOPs, CPU time, peak memory and error of the variants."""

import json
import os
import resource
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import psutil
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from _lookahead.setup import Setup
from _lookahead.variants import VARIANTS
from auxin.hypergradients.finite_difference import FiniteDifference
from auxin.hypergradients.lookahead import Lookahead

COMMAND = Path(__file__).resolve().parents[1] / "lookahead.py"


@cache
def flops(width: int) -> dict[str, float]:
    """Counted FLOPs of one step after the first, which is checked, in forwards of the primary network on its batch."""
    setup = Setup(width, 2)
    with FlopCounterMode(display=False) as counter:
        setup.network(setup.batch[0])
    forward, found = counter.get_total_flops(), {}
    for name, (_, _, step) in VARIANTS.items():
        setup.shared = (setup.weights, setup.network(setup.batch[0]))
        step(setup)
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
    command = [sys.executable, str(COMMAND), "--memory", name, "--width", str(width), "--batch", str(batch)]
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
