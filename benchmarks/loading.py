"""Time and memory of reading tables: auxin beside pandas, and auxin's verbs on many rows.

    python benchmarks/loading.py                     # every row of the table in docs/benchmarks/loading.md
    python benchmarks/loading.py --scale 0.1         # a tenth of the rows
    python benchmarks/loading.py --base ../other/src # beside another version's source

Files are written to a temporary folder. Every measurement is a process of its own on one thread: its peak of resident
memory less that of the same process before it reads, and its CPU seconds (the least of `--repeats`). Ratios are to
pandas' `read_csv` of the same file in the same run, and to the inputs as float32. Each process reads a table of two
rows before, so that what is imported when a first file is read counts for neither.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

PARTS = ("long", "wide", "million", "texts")
TIMES = """
import json, resource, sys, time
import numpy, pandas, torch
{imports}
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
{before}
start, began, wall = peak(), time.process_time(), time.perf_counter()
{work}
print(json.dumps(dict(cpu=time.process_time() - began, wall=time.perf_counter() - wall, peak=peak() - start)))
"""
AUXIN = "from auxin.data import load; import auxin.data.table, pyarrow.csv, sklearn.feature_extraction.text"
SMALL = "import io, pathlib, tempfile; small = pathlib.Path(tempfile.mkdtemp()) / 'small.csv'; "
SMALL += "small.write_text('a,y\\n0.5,yes\\n1.5,no\\n2.7,no\\n'); pandas.read_csv(small); "
VERBS = "import auxin.cli; import auxin.studies.fit, auxin.exported.files, skops.io, sklearn.svm, lightgbm"
RUN = """
try: auxin.cli.main({words!r})
except SystemExit as end: assert not end.code, end.code
"""


def numbers(path: Path, rows: int, columns: int, missing: float = 0.0) -> None:
    """A table of numbers and a target of words, written some rows at a time."""
    draw = np.random.default_rng(0)
    for begin in range(0, rows, 100_000):
        x = draw.normal(size=(min(100_000, rows - begin), columns)).round(4)
        frame = pd.DataFrame(x, columns=pd.Index([f"c{k}" for k in range(columns)]))
        frame["y"] = np.where(x[:, 0] + draw.normal(size=len(x)) > 0, "yes", "no")
        if missing:
            frame.loc[draw.random(len(x)) < missing, "c1"] = np.nan
        frame.to_csv(path, index=False, header=begin == 0, mode="w" if begin == 0 else "a")


def texts(path: Path, rows: int, words: int = 50_000, length: int = 60) -> None:
    """Texts of words drawn with Zipf's frequencies, and a target that some of them make likely."""
    draw = np.random.default_rng(0)
    share = 1 / np.arange(10, words + 10)
    upto = np.cumsum(share / share.sum())
    names = np.array([f"w{k:x}q" for k in range(words)])
    with path.open("w") as file:
        file.write("text,y\n")
        for _ in range(rows):
            chosen = np.minimum(np.searchsorted(upto, draw.random(length)), words - 1)
            label = "yes" if (chosen[:20] % 2).sum() > 10 else "no"
            file.write(" ".join(names[chosen]) + f",{label}\n")


def measure(
    imports: str, work: str, before: str = "", repeats: int = 1, source: str = ""
) -> dict[str, float]:
    """The least CPU and wall seconds, and the greatest peak in MB above what stood before."""
    code = TIMES.format(imports=imports, before=before, work=work)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **({"PYTHONPATH": source} if source else {})}
    found = []
    for _ in range(repeats):
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr[-2000:] or done.stdout[-2000:])
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return {
        "cpu": min(one["cpu"] for one in found),
        "wall": min(one["wall"] for one in found),
        "peak": max(one["peak"] for one in found),
    }


def reading(path: Path, rows: int, columns: int, repeats: int, base: str) -> list[str]:
    """A row of the table: reading a table of numbers."""
    plain = measure("", f"kept = pandas.read_csv({str(path)!r})", SMALL, repeats=repeats)
    load = f"kept = load({str(path)!r}, target='y')"
    own = measure(AUXIN, load, SMALL + "load(str(small), target='y')", repeats=repeats)
    matrix = rows * columns * 4 / 2**20
    cells = [
        f"{rows:,} x {columns:,}",
        f"{plain['cpu']:.2f}",
        f"{own['cpu']:.2f}",
        f"{own['cpu'] / plain['cpu']:.1f}",
        f"{own['peak']:,.0f}",
        f"{own['peak'] / matrix:.1f}",
    ]
    if base:
        old = measure(AUXIN.replace(", pyarrow.csv", ""), load, SMALL, source=base)
        cells.append(f"{old['cpu']:.1f} ({old['cpu'] / own['cpu']:.0f} x)")
    return cells


def verb(words: list[str]) -> list[str]:
    """Wall seconds and peak of a verb."""
    found = measure(VERBS, RUN.format(words=words))
    return [f"{found['wall']:.0f}", f"{found['peak']:,.0f}"]


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--base", default="")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    given = parser.parse_args()
    if given.base and not (Path(given.base) / "auxin").is_dir():
        parser.error(f"--base {given.base} holds no auxin/; give the folder `src` of the other checkout")
    parts = given.parts
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for part, rows, columns in (("long", 200_000, 8), ("wide", 120, 5_000), ("million", 1_000_000, 50)):
            if part in parts:
                rows = max(100, int(rows * (given.scale if part != "wide" else 1)))
                numbers(place / f"{part}.csv", rows, columns)
                base = given.base if part != "million" else ""
                show(part, reading(place / f"{part}.csv", rows, columns, given.repeats, base))
        if "million" in parts:
            verbs(place / "million.csv", place, ["--set", "steps=200"])
        if "texts" in parts:
            rows = max(500, int(100_000 * given.scale))
            texts(place / "texts.csv", rows)
            load = f"kept = load({str(place / 'texts.csv')!r}, target='y', text='text', max_words=50000)"
            own = measure(AUXIN, load)
            show(f"{rows:,} texts", [f"{own['wall']:.0f}", f"{own['peak']:,.0f}"])
            verbs(place / "texts.csv", place, ["--set", "steps=50", "--text", "text", "--max-words", "50000"])


def verbs(path: Path, place: Path, more: list[str]) -> None:
    """`fit` with a named method, `fit` as it is without one, and `predict` of the same rows by both."""
    common = ["fit", str(path), "--target", "y", "--jobs", "1"]
    settings, others = more[:2], more[2:]
    quick = ["--method", "single", "--no-guard", "--tries", "1", "--draws", "1", *settings]
    for name, words in (("single", quick), ("search", ["--budget", "120s"])):
        out = str(place / f"{path.stem}-{name}")
        show(f"{path.stem} fit {name}", verb([*common, *words, *others, "--out", out]))
        show(f"{path.stem} predict {name}", verb(["predict", out, str(path), "--out", f"{out}.csv"]))


def show(name: str, cells: list[str]) -> None:
    """A row of a table."""
    print("| " + " | ".join([name, *cells]) + " |", flush=True)


if __name__ == "__main__":
    main()
