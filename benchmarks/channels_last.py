"""What images and convolutions with the channels innermost in memory save on a CPU: time and peak memory of steps.

    OMP_NUM_THREADS=1 python benchmarks/channels_last.py                  # a table in Markdown
    OMP_NUM_THREADS=1 python benchmarks/channels_last.py --only conv4 --turns 3 --numbers float64

Steps of MAXL (two networks, the look-ahead) on made-up images; one thread. Times are CPU seconds with the channels
innermost over those in the plain layout: the median of the turns' ratios, in which the layouts take turns. Memory: each
layout alone in a process of its own, the highest resident memory above the level before the steps. `apart` is how far W
is apart after a training and a meta step, over how far it moved.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from auxin.data import Dataset, make_splits
from auxin.methods import resolve
from auxin.runs.build import build
from auxin.runs.settings import layered
from auxin.tasks.classes import Classes
from auxin.typing import Batch

NETWORKS: dict[str, tuple[str, int, int, int, int]] = {
    "conv4, 16 maps, 28 x 28, 64 rows": ("conv4", 16, 1, 28, 64),
    "conv4, 24 maps, 32 x 32, 64 rows": ("conv4", 24, 3, 32, 64),
    "conv4, 8 maps, 32 x 32, 100 rows": ("conv4", 8, 3, 32, 100),
    "conv4, 48 maps, 8 x 8, 25 rows": ("conv4", 48, 1, 8, 25),
    "conv4, 64 maps, 32 x 32, 32 rows": ("conv4", 64, 3, 32, 32),
    "vgg16, 8 maps, 32 x 32, 100 rows": ("vgg16", 8, 3, 32, 100),
    "resnet18, 16 maps, 32 x 32, 32 rows": ("resnet18", 16, 3, 32, 32),
    "resnet50, 16 maps, 32 x 32, 8 rows": ("resnet50", 16, 3, 32, 8),
}
LAYOUTS = {"plain": False, "innermost": True}


def made(name: str, innermost: bool) -> tuple[Any, Batch]:
    """A learner by MAXL, and a batch."""
    model, width, channels, side, rows = NETWORKS[name]
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(2 * rows) % 10
    images = torch.randint(0, 256, (2 * rows, channels, side, side), generator=draw, dtype=torch.uint8)
    dataset = Dataset(
        "made", images, {"y": Classes("y", 10)}, {"y": labels}, "y", torch.zeros(2 * rows, dtype=torch.bool)
    )
    splits = make_splits(dataset, seed=0, validation=0.0, test=0.0)
    user = {"model": model, "model.channel_width": width, "augmentation": "none", "batch": rows, "steps": 2}
    user |= {"channels_last": innermost, "meta_optimizer": "sgd"}
    settings = layered("made", "image", resolve("maxl"), "auxin", user, {})
    learner = build(dataset, splits, resolve("maxl"), settings, seed=0).state.learner
    learner.network.train()
    x = (images[:rows] / 255 - 0.5) / 0.2
    return learner, Batch(x, {"y": labels[:rows]}, torch.arange(rows))


def steps(learner: Any, batch: Batch) -> dict[str, float]:
    """CPU seconds of a training step, of a meta step, and of the network's outputs without a gradient."""
    spent = {}
    for name, step in (
        ("training step", lambda: learner.train_step(batch)),
        ("meta step", lambda: learner.meta_step(batch, batch)),
        ("outputs", lambda: learner.network(batch.x)),
    ):
        begun = time.process_time()
        with torch.set_grad_enabled(name != "outputs"):
            step()
        spent[name] = time.process_time() - begun
    return spent


def weights(learner: Any) -> torch.Tensor:
    """W in one vector."""
    return torch.cat([p.detach().double().flatten() for p in learner.network.parameters()])


def measured(name: str, turns: int, numbers: str) -> str:
    """A row of the table."""
    both = {layout: made(name, innermost) for layout, innermost in LAYOUTS.items()}
    start = weights(both["plain"][0])
    ratios: dict[str, list[float]] = {}
    apart = 0.0
    for turn in range(turns + 2):  # the first meta step examines the batch; the second warms up
        spent = {layout: steps(*both[layout]) for layout in LAYOUTS}
        if not turn:
            ends = [weights(both[layout][0]) for layout in LAYOUTS]
            apart = float((ends[1] - ends[0]).norm() / (ends[0] - start).norm())
        for what in spent["plain"] if turn > 1 else ():
            ratios.setdefault(what, []).append(spent["innermost"][what] / spent["plain"][what])
    levels = [_peak(name, layout, numbers) for layout in LAYOUTS]
    times = [f"{statistics.median(values):.2f}" for values in ratios.values()]
    peaks = [f"{plain:.0f} | {last / plain:.2f}" for plain, last in zip(*levels, strict=True)]
    return f"| {name} | " + " | ".join([*times, *peaks, f"{apart:.0e}"]) + " |"


def _peak(name: str, layout: str, numbers: str) -> list[float]:
    """The peaks of a training and of a meta step above the level before, in MB, in a process of its own."""
    space = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    call = [sys.executable, __file__, "--alone", layout, "--only", name, "--numbers", numbers]
    told = subprocess.run(call, env=space, check=True, capture_output=True, text=True).stdout
    return [float(word) for word in told.split()[-2:]]


def alone(name: str, layout: str) -> None:
    """Print the peaks of this process."""
    learner, batch = made(name, LAYOUTS[layout])
    steps(learner, batch)
    for step in (lambda: learner.train_step(batch), lambda: learner.meta_step(batch, batch)):
        level = _resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
        step()
        print(_resident("VmHWM") - level)


def _resident(what: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def main() -> None:
    """Parse, run, print Markdown."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--only", default="", help="networks whose name contains this")
    words.add_argument("--numbers", choices=("float32", "float64"), default="float32")
    words.add_argument("--turns", type=int, default=5)
    words.add_argument("--alone", choices=LAYOUTS, help=argparse.SUPPRESS)
    told = words.parse_args()
    torch.set_num_threads(1)
    torch.set_default_dtype(getattr(torch, told.numbers))
    names = [name for name in NETWORKS if told.only in name]
    if told.alone:
        return alone(names[0], told.alone)
    head = "| | training step | meta step | outputs | training step, MB | ratio | meta step, MB | ratio | apart |"
    print(f"{head}\n| --- |" + " ---: |" * 8)
    for name in names:
        print(measured(name, told.turns, told.numbers), flush=True)
    return None


if __name__ == "__main__":
    main()
