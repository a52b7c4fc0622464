"""What a GPU makes of the MAXL authors' recipe: steps per second in every way to compute them, and what bounds it.

    python benchmarks/gpu.py --root CIFAR100_FOLDER --out results/gpu        # one GPU, some minutes
    python benchmarks/gpu.py --tiny --out results/tiny                       # a smoke run on a CPU

VGG-16, batch 100, 20 primary and 100 auxiliary classes; an epoch of training steps and an epoch of meta steps
alternate. A "pair" is one training step and one meta step on one batch; 200 epochs of 50,000 rows are 100,000 pairs.
Every way starts from the same weights and meets the same batches. Writes `gpu.json` and `gpu.md`.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from auxin.data import Dataset, load, make_splits
from auxin.experiments.build import Built, build
from auxin.experiments.rows import grouped
from auxin.experiments.settings import layered
from auxin.hypergradients.finite_difference import FiniteDifference
from auxin.hypergradients.lookahead import Lookahead
from auxin.math.deferred import deferred
from auxin.methods import resolve
from auxin.tasks.classes import Classes
from auxin.typing import Batch

ROWS, EPOCHS, SIZE = 50_000, 200, 100
WAYS: dict[str, dict[str, Any]] = {
    "float32, eager": {},
    "float32, eager, again": {},
    "TF32": {"precision": "tf32"},
    "bfloat16": {"precision": "bfloat16"},
    "bfloat16, channels last": {"precision": "bfloat16", "channels_last": True},
    "TF32, channels last, compiled": {"precision": "tf32", "channels_last": True, "compile": True},
    "bfloat16, channels last, compiled": {"precision": "bfloat16", "channels_last": True, "compile": True},
    "float32, double backward": {"estimator": "double"},
    "TF32, double backward": {"estimator": "double", "precision": "tf32"},
    "float32, finite difference": {"estimator": "difference"},
}
BASE, AGAIN = "float32, eager", "float32, eager, again"
ESTIMATORS: dict[str, Callable[[], Any]] = {
    "double": lambda: Lookahead("reverse"),
    "difference": FiniteDifference,
}


@dataclass(frozen=True)
class Sizes:
    """How much to measure."""

    steps: int
    curve: int
    batch: int
    width: int
    matmul: int
    copy: int


FULL = Sizes(steps=100, curve=200, batch=SIZE, width=64, matmul=8192, copy=2**30)
TINY = Sizes(steps=2, curve=3, batch=8, width=1, matmul=64, copy=2**16)


# ---------------------------------------------------------------------------------------------------- the runs


def synthetic(rows: int) -> Dataset:
    """Noise in the shape of CIFAR-100, for a smoke run without files."""
    draw = torch.Generator().manual_seed(0)
    fine = torch.arange(rows) % 100
    x = torch.randint(0, 256, (rows, 3, 32, 32), generator=draw, dtype=torch.uint8)
    tasks = {"coarse": Classes("coarse", 20), "fine": Classes("fine", 100)}
    y = {"coarse": fine // 5, "fine": fine}
    parents = {"fine": torch.arange(100) // 5}
    return Dataset("noise", x, tasks, y, "coarse", torch.zeros(rows, dtype=torch.bool), parents)  # type: ignore[arg-type]


def data(root: Path | None, tiny: bool) -> Dataset:
    if root is None and tiny:
        return synthetic(400)
    return grouped(load("cifar100", root))


def make(dataset: Dataset, way: dict[str, Any], sizes: Sizes, device: str) -> Built:
    """The authors' recipe in one way of computing it."""
    method = resolve("maxl")
    chosen = {k: v for k, v in way.items() if k != "estimator"}
    user = {**chosen, "batch": sizes.batch, "model.channel_width": sizes.width, "epochs": EPOCHS, "psi": 5}
    splits = make_splits(dataset, seed=0, validation=0.0)
    settings = layered("cifar100", "image", method, "paper", user, {})
    built = build(dataset, splits, method, settings, 0, device)
    if "estimator" in way:
        built.state.learner.estimator = ESTIMATORS[way["estimator"]]()
    return built


def batches(built: Built) -> Iterator[Batch]:
    while True:
        yield from (b for b in built.state.feed.epoch() if len(b) == built.state.feed.size)


def pair(built: Built, batch: Batch) -> tuple[Tensor, Tensor]:
    """A training step and a meta step on one batch; the tasks' losses, and the outer loss."""
    learner = built.state.learner
    means = learner.train_step(batch)
    return means.clone(), learner.meta_step(batch, batch).clone()


def wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def curve(
    dataset: Dataset, way: dict[str, Any], sizes: Sizes, device: str
) -> tuple[Built, list[list[float]]]:
    """The losses [main, labels, outer] of the first pairs."""
    built = make(dataset, way, sizes, device)
    built.network.train()
    with deferred():
        feed = batches(built)
        found = [
            torch.cat([m, o.reshape(1)]) for m, o in (pair(built, next(feed)) for _ in range(sizes.curve))
        ]
    return built, torch.stack(found).tolist()


def seconds(built: Built, sizes: Sizes, device: str) -> dict[str, float]:
    """Seconds of a training step, a meta step, and making a batch; host clock around many, the device waited for."""
    feed, learner = batches(built), built.state.learner
    held = [next(feed) for _ in range(4)]
    parts: dict[str, Callable[[int], Any]] = {
        "batch": lambda _: next(feed),
        "train": lambda i: learner.train_step(held[i % 4]),
        "meta": lambda i: learner.meta_step(held[i % 4], held[i % 4]),
        "pair": lambda _: pair(built, next(feed)),
    }
    found = {}
    for name, part in parts.items():
        rounds = []
        for _ in range(4):
            wait(device)
            start = time.perf_counter()
            with deferred():
                for i in range(sizes.steps):
                    part(i)
            wait(device)
            rounds.append((time.perf_counter() - start) / sizes.steps)
        found[name] = statistics.median(rounds[1:])
    return found


def peak(built: Built, device: str) -> float | None:
    """MiB of device memory at most, in one pair; None on a CPU."""
    if not device.startswith("cuda"):
        return None
    wait(device)
    torch.cuda.reset_peak_memory_stats()
    with deferred():
        pair(built, next(batches(built)))
    wait(device)
    return torch.cuda.max_memory_allocated() / 2**20


def launches(built: Built, device: str) -> int | None:
    """Kernels started on the device by one pair; None where there is no profiler or no GPU."""
    if not device.startswith("cuda"):
        return None
    batch = next(batches(built))
    kinds = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=kinds) as profile, deferred():
        pair(built, batch)
        wait(device)
    return sum(
        1 for e in profile.events() or [] if "CUDA" in str(e.device_type) and "mem" not in e.name.lower()
    )


# -------------------------------------------------------------------------------------------------- the floors


def counted(dataset: Dataset, sizes: Sizes, device: str) -> dict[str, float]:
    """FLOPs of a pair, and in forwards F of the primary network; the fewest bytes that it must move."""
    built = make(dataset, {}, sizes, device)
    learner, batch = built.state.learner, next(batches(built))
    built.network.train()
    pair(built, batch)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        built.network(batch.x)
    forward = counter.get_total_flops()
    with FlopCounterMode(display=False) as counter:
        pair(built, batch)
    total = counter.get_total_flops()
    return {"forward": forward, "pair": total, "in F": total / forward, "bytes": fewest_bytes(learner, batch)}


def fewest_bytes(learner: Any, batch: Batch) -> float:
    """Layers' outputs written and read once by each of the pair's passes, weights read by each, in four bytes.

    Passes over the primary network: a forward and a backward in the training step, two of each and a JVP (twice a
    forward's outputs) in the meta step; over the generator: two forwards and a backward. Inside a pass, convolution,
    norm and activation are taken for fused: their output is written once and read once.
    """
    outputs = 0

    def count(module: Any, given: Any, out: Tensor) -> None:
        nonlocal outputs
        outputs += out.numel()

    layers = [m for m in learner.network.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    hooks = [m.register_forward_hook(count) for m in layers]
    with torch.no_grad():
        learner.network(batch.x)
    for hook in hooks:
        hook.remove()
    weights = sum(p.numel() for p in learner.weights)
    passes = (1 + 2) + (2 * (1 + 2) + 2) + (2 + 2)  # a backward reads what was kept and writes its own
    return 4.0 * (passes * 2 * outputs + (passes + 8) * weights)


def rates(sizes: Sizes, device: str) -> dict[str, float]:
    """What this device does: FLOP/s of a matrix product in each format, bytes/s of a copy (read and written)."""
    found, n = {}, sizes.matmul
    for name, dtype, tf32 in (
        ("float32", torch.float32, False),
        ("TF32", torch.float32, True),
        ("bfloat16", torch.bfloat16, False),
    ):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(n, n, device=device).to(dtype) for _ in "ab")
        found[name] = 2 * n**3 / timed(lambda a=a, b=b: a @ b, device)
    torch.backends.cuda.matmul.allow_tf32 = False
    source = torch.randn(sizes.copy // 4, device=device)
    target = torch.empty_like(source)
    found["bandwidth"] = 2 * 4 * source.numel() / timed(lambda: target.copy_(source), device)
    return found


def timed(work: Callable[[], Any], device: str, rounds: int = 7) -> float:
    """Median seconds, after two that are not counted."""
    taken = []
    for _ in range(rounds + 2):
        wait(device)
        start = time.perf_counter()
        work()
        wait(device)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[2:])


def bound(
    way: str, pair_seconds: float, started: int | None, work: dict[str, float], rate: dict[str, float]
) -> str:
    """One sentence: what the pair's time is nearest to."""
    arithmetic, moving = floors(way, work, rate)
    launching = 0.0 if started is None or "compiled" in way else started * 4e-6
    terms = {"arithmetic": arithmetic, "bandwidth": moving, "launches": launching}
    shares = ", ".join(f"{k} {v / pair_seconds:.0%}" for k, v in terms.items())
    nearest = max(terms, key=lambda k: terms[k])
    if terms[nearest] < 0.3 * pair_seconds:
        nearest = "none of the three explains it: small kernels, the host, or a busy machine"
    return f"{nearest} ({shares} of the measured time; a launch taken for 4 microseconds of the host)"


def floors(way: str, work: dict[str, float], rate: dict[str, float]) -> tuple[float, float]:
    """Seconds of a pair by arithmetic alone and by bandwidth alone."""
    kind = "bfloat16" if "bfloat16" in way else "TF32" if "TF32" in way else "float32"
    half = 0.5 if kind == "bfloat16" else 1.0
    jvp = 3 * work["forward"] if kind == "bfloat16" else 0.0  # that pass is float32, in TF32
    return (work["pair"] - jvp) / rate[kind] + jvp / rate["TF32"], half * work["bytes"] / rate["bandwidth"]


# ----------------------------------------------------------------------------------------------------- results


def deviation(found: list[list[float]], base: list[list[float]]) -> dict[str, float]:
    """Largest and mean difference from the base curve, relative to the base's mean loss of each kind."""
    a, b = torch.tensor(found, dtype=torch.float64), torch.tensor(base, dtype=torch.float64)
    gap = (a - b).abs() / b.abs().mean(0)
    return {"max": float(gap.max()), "mean": float(gap.mean())}


def measure(
    name: str, dataset: Dataset, sizes: Sizes, device: str, work: dict[str, float], rate: dict[str, float]
) -> dict[str, Any]:
    """Everything about one way; its error, should it fail, in the place of numbers."""
    try:
        built, losses = curve(dataset, WAYS[name], sizes, device)
        taken = seconds(built, sizes, device)
        started = launches(built, device)
        arithmetic, moving = floors(name, work, rate)
        return {
            "losses": losses,
            "seconds": taken,
            "launches": started,
            "peak MiB": peak(built, device),
            "pairs per second": 1 / taken["pair"],
            "images per second": 2 * sizes.batch / taken["pair"],
            "epoch seconds": taken["pair"] * ROWS / SIZE,
            "minutes for 200 epochs": taken["pair"] * ROWS / SIZE * EPOCHS / 60,
            "arithmetic floor": arithmetic,
            "bandwidth floor": moving,
            "bound": bound(name, taken["pair"], started, work, rate),
            "notes": list(built.state.learner.notes),
        }
    except (RuntimeError, ValueError, NotImplementedError) as error:
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
    finally:
        if device.startswith("cuda"):
            torch.cuda.empty_cache()


def table(result: dict[str, Any]) -> str:
    """The Markdown report."""
    ways, base = result["ways"], result["ways"][BASE]
    head = "| way | train ms | meta ms | pair ms | images/s | 200 epochs, min | MiB | launches | off: max, mean |"
    lines = [f"# {result['device']}, torch {result['torch']}", "", result["said"], "", head, "|" + "---|" * 9]
    for name, way in ways.items():
        if "error" in way:
            lines.append(f"| {name} | {way['error']} |" + " |" * 7)
            continue
        ms = [f"{1e3 * way['seconds'][k]:.2f}" for k in ("train", "meta", "pair")]
        off = deviation(way["losses"], base["losses"]) if "losses" in base else {"max": 0.0, "mean": 0.0}
        memory = "" if way["peak MiB"] is None else f"{way['peak MiB']:.0f}"
        cells = [name, *ms, f"{way['images per second']:.0f}", f"{way['minutes for 200 epochs']:.1f}", memory]
        cells += [
            "" if way["launches"] is None else str(way["launches"]),
            f"{off['max']:.1e}, {off['mean']:.1e}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *_explained(result)]
    return "\n".join(lines) + "\n"


def _explained(result: dict[str, Any]) -> list[str]:
    work, rate = result["work"], result["rates"]
    lines = [
        f"A pair is {work['pair']:.3g} FLOPs ({work['in F']:.1f} forwards of the primary network) and moves at least "
        f"{work['bytes']:.3g} bytes in float32.",
        "Measured rates: "
        + ", ".join(f"{k} {v:.3g}" for k, v in rate.items())
        + " (FLOP/s; bytes/s read and written).",
        f"The row {AGAIN!r} is the run-to-run noise of the curves.",
        "",
        "| way | floor by arithmetic ms | floor by bandwidth ms | what bounds it |",
        "|---|---|---|---|",
    ]
    for name, way in result["ways"].items():
        if "error" not in way:
            cells = [
                name,
                f"{1e3 * way['arithmetic floor']:.2f}",
                f"{1e3 * way['bandwidth floor']:.2f}",
                way["bound"],
            ]
            lines.append("| " + " | ".join(cells) + " |")
    notes = [f"- {name}: {note}" for name, way in result["ways"].items() for note in way.get("notes", [])]
    return [*lines, "", *notes]


def run(dataset: Dataset, sizes: Sizes, device: str, names: list[str]) -> dict[str, Any]:
    """All measurements."""
    rate, work = rates(sizes, device), counted(dataset, sizes, device)
    ways = {}
    for name in names:
        ways[name] = measure(name, dataset, sizes, device, work, rate)
        print(name, {k: v for k, v in ways[name].items() if k != "losses"}, file=sys.stderr, flush=True)
    said = (
        f"MAXL as its authors train it: VGG-16 ({sizes.width} channels), batch {sizes.batch}, "
        f"{len(dataset):,} rows here; the minutes are extrapolated to {EPOCHS} epochs of {ROWS:,} rows "
        f"in batches of {SIZE} from {sizes.steps} steps."
    )
    kind = torch.cuda.get_device_name() if device.startswith("cuda") else platform.processor() or "CPU"
    return {
        "device": kind,
        "torch": torch.__version__,
        "said": said,
        "work": work,
        "rates": rate,
        "ways": ways,
    }


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, help="folder of CIFAR-100's files")
    parser.add_argument("--out", type=Path, default=Path("gpu-results"), help="where gpu.json and gpu.md go")
    parser.add_argument(
        "--tiny", action="store_true", help="a few steps of a narrow network; on noise without --root"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--ways", nargs="*", choices=list(WAYS), help="only these (the base is always among them)"
    )
    parser.add_argument("--steps", type=int, help="steps per measurement")
    given = parser.parse_args(arguments)
    if given.root is None and not given.tiny:
        parser.error("--root is needed (or --tiny for a smoke run)")
    sizes = TINY if given.tiny else FULL
    if given.steps:
        sizes = Sizes(**{**vars(sizes), "steps": given.steps})
    chosen = [name for name in WAYS if given.ways is None or name in given.ways or name == BASE]
    result = run(data(given.root, given.tiny), sizes, given.device, chosen)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "gpu.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    text = table(result)
    (given.out / "gpu.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
