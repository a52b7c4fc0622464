"""The authors' own MAXL and AuxiLearn code beside auxin's: the same weights and batches, one thread.

    python benchmarks/peers/authors.py --maxl DIR --auxilearn DIR                 # trajectories, in float64
    python benchmarks/peers/authors.py --maxl DIR --auxilearn DIR --cost          # time and work
    python benchmarks/peers/authors.py --maxl DIR --auxilearn DIR --memory        # peak memory
    python benchmarks/peers/authors.py --maxl DIR --cost --channels-last none     # or both, or ours (the default)
    python benchmarks/peers/authors.py --maxl DIR --cost --compile                # ours by auxin's setting `compile`

DIR is a checkout of https://github.com/lorenmt/maxl or https://github.com/AvivNavon/AuxiLearn. Nothing is fetched, and
none of their code is kept: their files are read, and what is needed of them is run from there. Two things of theirs are
changed on the way: the widths of the networks (divided by --narrow), and, for `mask 0`, the constant that leaks through
the mask.

MAXL: the two passes of their epoch as they stand, and ours. What is compared over two epochs is W, phi and the labels.
--cost has a further row: the plain forward and backward passes that every exact meta pass contains, beside the authors'
whole meta pass; its ratio is a lower bound of what an exact meta pass can reach.
AuxiLearn: their hypergradient and their optimiser for it, and ours, over two meta steps of a small regression with
three tasks; in time and memory, one hypergradient of three tasks' weights on VGG-16.

--channels-last says whose images and convolutions have the channels innermost in memory: by default ours, as in every
training of auxin's on a CPU, while the authors' code has the plain layout.

Times are CPU seconds, the median of --turns interleaved turns. Work is the number of convolutions that torch's profiler
counts, a backward pass of one as two. Memory: each side alone in a process of its own; the highest resident memory of a
pass after one that warms up (ours checks its first meta pass), above what the imports take, those among them that torch
makes with the first optimiser.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import authors_auxilearn
import authors_maxl
import torch
from torch.profiler import ProfilerActivity, profile

from auxin.math import row_blocks

Work = dict[str, dict[str, Callable[[], Any]]]
SIDES = authors_maxl.SIDES
FORMATS = {"float64": torch.float64, "float32": torch.float32}
LAYOUTS = {"none": (), "ours": ("ours",), "both": SIDES}
PAPERS = {"maxl": authors_maxl.work, "auxilearn": authors_auxilearn.work}


def cost(work: Work, turns: int) -> None:
    """Print CPU seconds and the convolutions behind them."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for turn in range(turns + 1):  # the first turn warms up
        for name, sides in work.items():
            pair = (_seconds(sides["theirs"]), _seconds(sides["ours"]))
            spent[name] += [pair] if turn else []
    passes = [name for name in work if name != authors_maxl.FLOOR]
    if len(passes) > 1:
        both = zip(*(spent[name] for name in passes), strict=True)
        spent["epoch"] = [(sum(a for a, _ in pairs), sum(b for _, b in pairs)) for pairs in both]
    print(
        "| | theirs, s | ours, s | ours over theirs | convolutions of theirs | of ours | ratio |\n| --- |"
        + " ---: |" * 6
    )
    total = [0, 0]
    for name, pairs in spent.items():
        a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
        counts = [convolutions(work[name][side]) for side in SIDES] if name in work else total
        total = [x + y for x, y in zip(total, counts, strict=True)] if name in passes else total
        ratio = statistics.median(y / x for x, y in pairs)
        print(
            f"| {name} | {a:.2f} | {b:.2f} | {ratio:.2f} | {counts[0]} | {counts[1]} | {counts[1] / counts[0]:.2f} |"
        )


def convolutions(step: Callable[[], Any]) -> int:
    """How many convolutions a pass computes; the backward pass of one counts as two."""
    row_blocks.BLOCK, own = sys.maxsize, row_blocks.BLOCK  # in one block, not several that each count
    try:
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            step()
    finally:
        row_blocks.BLOCK = own
    counts = {event.key: event.count for event in seen.key_averages()}
    return counts.get("aten::_convolution", 0) + 2 * counts.get("aten::convolution_backward", 0)


def alone(work: Work, side: str) -> None:
    """Print each pass's peak and the level before it, in MB; for a process of its own."""
    for name, sides in work.items():
        sides[side]()
        level = _resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
        sides[side]()
        print(name, _resident("VmHWM"), level, sep="\t")


def memory(paper: str, folder: Path, narrow: int, numbers: str, layout: str) -> None:
    """Print the peaks of both sides; freed blocks go back to the system, so that none counts twice."""
    space = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    found: dict[str, list[float]] = {}
    for side in SIDES:
        words = [f"--{paper}", str(folder), "--narrow", str(narrow), "--numbers", numbers, "--alone", side]
        words += ["--channels-last", layout]
        call = [sys.executable, __file__, *words]
        told = subprocess.run(call, env=space, check=True, capture_output=True, text=True).stdout
        first, *rows = [row.split("\t") for row in told.splitlines()]
        imports = float(first[1])
        for name, peak, level in rows:
            found.setdefault(f"{name}, peak above the imports", []).append(float(peak) - imports)
            found.setdefault(f"{name}, peak above the level before it", []).append(float(peak) - float(level))
    print("| | theirs, MB | ours, MB | ours over theirs |\n| --- | ---: | ---: | ---: |")
    for name, (a, b) in found.items():
        print(f"| {name} | {a:.0f} | {b:.0f} | {b / a:.2f} |")


def _resident(what: str) -> float:
    """A line of this process's status, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def _seconds(step: Callable[[], Any]) -> float:
    begun = time.process_time()
    step()
    return time.process_time() - begun


def _work(paper: str, folder: Path, told: argparse.Namespace) -> Work:
    """The passes to be timed, in the memory layout of --channels-last."""
    if paper != "maxl":
        return PAPERS[paper](folder, told.narrow, told.alone or "both")
    layout = LAYOUTS[told.channels_last]
    return authors_maxl.work(folder, told.narrow, told.alone or "both", layout, told.compile)


def main() -> None:
    """Parse, run, print Markdown."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--maxl", type=Path, help="a checkout of MAXL's code")
    words.add_argument("--auxilearn", type=Path, help="a checkout of AuxiLearn's code")
    words.add_argument("--narrow", type=int, default=8, help="divides the networks' widths")
    words.add_argument("--cost", action="store_true", help="time and work instead")
    words.add_argument("--memory", action="store_true", help="peak memory instead")
    words.add_argument("--numbers", choices=FORMATS, help="format of numbers of --cost and --memory (both)")
    words.add_argument(
        "--channels-last",
        choices=LAYOUTS,
        default="ours",
        help="whose channels are innermost in MAXL's cost and memory",
    )
    words.add_argument("--compile", action="store_true", help="MAXL's steps of ours are compiled, in --cost")
    words.add_argument("--alone", choices=SIDES, help=argparse.SUPPRESS)
    words.add_argument("--turns", type=int, default=5, help="timed turns")
    told = words.parse_args()
    torch.set_num_threads(1)
    torch.set_default_dtype(FORMATS[told.numbers or "float64"])
    folders = {name: folder for name in PAPERS if (folder := getattr(told, name)) is not None}
    if not folders:
        words.error("name a checkout: --maxl DIR or --auxilearn DIR")
    for paper, folder in folders.items():
        if told.alone is not None:
            torch.optim.SGD(
                [torch.zeros(1, requires_grad=True)], lr=1.0
            )  # the first one imports torch's compiler
            print("imports", _resident("VmRSS"), sep="\t")
            alone(_work(paper, folder, told), told.alone)
            continue
        print(f"\n## {paper}\n")
        if not (told.cost or told.memory):
            authors_maxl.trajectories(folder, told.narrow) if paper == "maxl" else (
                authors_auxilearn.trajectories(folder)
            )
        for numbers in [told.numbers] if told.numbers else FORMATS if told.cost or told.memory else []:
            print(f"\n{numbers}\n")
            torch.set_default_dtype(FORMATS[numbers])
            if told.memory:
                memory(paper, folder, told.narrow, numbers, told.channels_last)
            else:
                cost(_work(paper, folder, told), told.turns)


if __name__ == "__main__":
    main()
