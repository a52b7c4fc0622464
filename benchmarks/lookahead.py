"""What a meta step costs: the one-JVP look-ahead beside double backward and finite differences, schedule by schedule.

    OMP_NUM_THREADS=1 python benchmarks/lookahead.py                   # VGG-16, batch 64: some minutes on one core
    OMP_NUM_THREADS=1 python benchmarks/lookahead.py --width 4 --batch 8 --rounds 1       # a smoke run

A label generator as large as the primary network makes soft labels over 100 auxiliary classes; MAXL's losses; SGD.
Labels are detached in every training step. Time: CPU time of the one thread, variants interleaved in one process,
medians over the rounds. FLOPs: counted by torch, in forwards F of the primary network. Memory: peak above the idle
process, one process each. Every variant makes one training step and one meta step on one batch.
"""

import argparse
import json
from collections.abc import Callable

import torch
from _lookahead.measures import errors, memory, memory_of, times
from _lookahead.tables import error_table, flop_table, memory_table, ratio_table, time_table
from _lookahead.variants import VARIANTS

PARTS: dict[str, Callable[[int, int, int], str]] = {
    "flops": lambda width, batch, rounds: flop_table(width),
    "time": lambda width, batch, rounds: "\n\n".join(
        f(found) for found in [times(width, batch, rounds)] for f in (time_table, ratio_table)
    ),
    "memory": lambda width, batch, rounds: memory_table({n: memory_of(n, width, batch) for n in VARIANTS}),
    "error": lambda width, batch, rounds: error_table(errors(width, min(batch, 8))),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--width", type=int, default=64, help="feature maps in the first block (64 is VGG-16)"
    )
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=list(PARTS), help="one of the tables")
    parser.add_argument("--memory", choices=list(VARIANTS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.memory:
        print(json.dumps(memory(options.memory, options.width, options.batch)))
    else:
        about = f"VGG-16, width {options.width}, batch {options.batch}, {options.rounds} rounds"
        print(f"{about}, one thread, torch {torch.__version__}\n", flush=True)
        for part in [options.only] if options.only else list(PARTS):
            print(PARTS[part](options.width, options.batch, options.rounds), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
