"""The least that a step must compute and move, what this device does in a second, and what bounds a measured time."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from _gpu.variants import Sizes, Variant, batches
from auxin.runs.build import PreparedRun

LAUNCH = 4e-6
"""Seconds of the host for one kernel, in eager mode."""
PASSES = {
    "none": (3, 0),
    "one JVP": (4, 11),
    "double backward": (4, 14),
    "finite difference": (4, 11),
    "Hessian": (4, 24),
    "Gauss-Newton": (4, 20),
}
"""Passes over a network of the primary one's size in a training step and in a meta step. A forward is one, a backward
two (it reads what was kept and writes its own), a JVP two, a Hessian product four, a Gauss-Newton product four; v is a
forward and a backward; the generator runs forward in a training step, forward and backward in a meta step, and forward
twice for an implicit one."""


def work(built: PreparedRun, variant: Variant) -> dict[str, float]:
    """FLOPs, counted by torch in one training and one meta step, and the fewest bytes, of a training step and its
    share of a meta step; `high` is the part of the FLOPs that bfloat16 leaves in TF32.

    The run has taken the first meta steps, which check themselves. A finite difference does so again at some
    later ones, never at two in a row."""
    learner, batch = built.state.learner, next(batches(built))
    with torch.no_grad():
        forward = _flops(lambda: learner.network(batch.x))
    train = _flops(lambda: learner.train_step(batch))
    steps = [_flops(lambda: learner.meta_step(batch, batch)) for _ in range(2 if learner.learns else 0)]
    meta = min(steps, default=0.0)
    passes = PASSES[variant.how][0] + PASSES[variant.how][1] / variant.every
    outputs, weights = _sizes(learner.network, batch.x)
    high = {"one JVP": 3 * forward, "double backward": meta - 9 * forward, "none": 0.0}
    return {
        "forward": forward,
        "train": train,
        "meta": meta,
        "step": train + meta / variant.every,
        "high": high.get(variant.how, meta - 3 * forward) / variant.every,
        "bytes": 4.0 * (passes * 2 * outputs + (passes + 4 + 4 * learner.learns / variant.every) * weights),
    }


class _Counter(TorchDispatchMode):
    """Counts as torch's own FLOP counter does, whose module hooks do not get through a double backward."""

    total = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out, rule = func(*args, **(kwargs or {})), flop_registry.get(func._overloadpacket)
        if rule is not None:
            self.total += rule(*args, **(kwargs or {}), out_val=out)
        return out


def _flops(do: Callable[[], Any]) -> float:
    with _Counter() as counter:
        do()
    return counter.total


def _sizes(network: torch.nn.Module, x: Tensor) -> tuple[int, int]:
    """Numbers in the layers' outputs for this batch (norm and activation taken for fused), and in the weights."""
    outputs = 0

    def count(module: Any, given: Any, out: Tensor) -> None:
        nonlocal outputs
        outputs += out.numel()

    layers = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    hooks = [m.register_forward_hook(count) for m in layers]
    with torch.no_grad():
        network(x)
    for hook in hooks:
        hook.remove()
    return outputs, sum(p.numel() for p in network.parameters())


def rates(sizes: Sizes, device: str) -> dict[str, float]:
    """What this device does: FLOP/s of a matrix product in each format, bytes/s of a copy (read and written)."""
    found, n = {}, sizes.matmul
    formats = (
        ("float32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("bfloat16", torch.bfloat16, False),
    )
    for name, dtype, tf32 in formats:
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(n, n, device=device).to(dtype) for _ in "ab")
        found[name] = 2 * n**3 / timed(lambda a=a, b=b: a @ b, device)
    torch.backends.cuda.matmul.allow_tf32 = False
    source = torch.randn(sizes.copy // 4, device=device)
    target = torch.empty_like(source)
    found["bandwidth"] = 2 * 4 * source.numel() / timed(lambda: target.copy_(source), device)
    return found


def wait(device: str) -> None:
    """Until the device is done."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def timed(do: Callable[[], Any], device: str, rounds: int = 7) -> float:
    """Median seconds, after two that are not counted."""
    taken = []
    for _ in range(rounds + 2):
        wait(device)
        start = time.perf_counter()
        do()
        wait(device)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[2:])


def floors(variant: Variant, found: dict[str, float], rate: dict[str, float]) -> dict[str, float]:
    """Seconds of a step with its share of a meta step: by arithmetic alone and by bandwidth alone."""
    half = variant.precision == "bfloat16"
    high = found["high"] if half else 0.0
    arithmetic = (found["step"] - high) / rate[variant.precision] + high / rate["tf32"]
    return {
        "arithmetic": arithmetic,
        "bandwidth": (0.5 if half else 1.0) * found["bytes"] / rate["bandwidth"],
    }


def bound(variant: Variant, seconds: float, launches: float | None, floor: dict[str, float]) -> str:
    """One sentence: what the step's time is nearest to."""
    launching = 0.0 if launches is None or variant.compiled else launches * LAUNCH
    terms = {**floor, "launches": launching}
    shares = ", ".join(f"{k} {v / seconds:.0%}" for k, v in terms.items())
    nearest = max(terms, key=lambda k: terms[k])
    if terms[nearest] < 0.3 * seconds:
        nearest = "none of the three explains it: small kernels, the host, or a busy machine"
    return f"{nearest} ({shares} of the measured time)"
