"""The CPU seconds of `auxin compare` and the widths of its intervals, beside another checkout's.

    OMP_NUM_THREADS=1 python benchmarks/default_run.py --base OTHER_CHECKOUT --methods single,rotation,maxl --seeds 5

Both checkouts compare the same methods on scikit-learn's digits with the same seeds, each in a process of its own and
one job, one after the other. CPU seconds are user and system time, imports included. A width is that of the 95 % t
interval of a method's difference to `single` over the seeds, in points of accuracy.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import fmean

METHODS = "single,rotation,random,clusters,maxl_frozen,maxl"


def compared(checkout: Path, out: Path, words: list[str]) -> tuple[float, dict[str, dict]]:
    """Run the comparison of a checkout; return its CPU seconds and the rows of the table by method."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "auxin", "compare", "digits", *words, "--jobs", "1", "--out", str(out)]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = json.loads((out / "comparison.json").read_text())["rows"]
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, {row["method"]: row for row in rows}


def width(row: dict) -> float:
    """The width of the interval of the difference to `single`, in points."""
    found = row["versus_single"]
    return 100 * (found["high"] - found["low"])


def table(found: dict[str, tuple[float, dict[str, dict]]]) -> list[str]:
    """The table, and the two ratios below it."""
    (_, ours), *_ = found.values()
    shared = [
        name
        for name, row in ours.items()
        if row["versus_single"] and all(name in rows for _, rows in found.values())
    ]
    lines = [
        "| checkout | CPU s | " + " | ".join(f"{name}: mean, width" for name in shared) + " | mean width |"
    ]
    lines.append("|---" * (len(shared) + 3) + "|")
    for label, (seconds, rows) in found.items():
        cells = [f"{100 * rows[name]['mean']:.2f}, {width(rows[name]):.2f}" for name in shared]
        mean = fmean(width(rows[name]) for name in shared)
        lines.append(f"| {label} | {seconds:.0f} | " + " | ".join(cells) + f" | {mean:.2f} |")
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, help="another checkout")
    parser.add_argument("--methods", default=METHODS, help="methods of both comparisons")
    parser.add_argument("--seeds", default="5", help="reported seeds of both comparisons")
    parser.add_argument("--set", action="append", default=[], help="a setting of both comparisons")
    given = parser.parse_args()
    words = ["--methods", given.methods, "--seeds", given.seeds]
    words += [word for setting in given.set for word in ("--set", setting)]
    here = Path(__file__).resolve().parents[1]
    checkouts = {"this": here, **({"other": given.base} if given.base else {})}
    with tempfile.TemporaryDirectory() as folder:
        found = {label: compared(place, Path(folder) / label, words) for label, place in checkouts.items()}
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
