"""auxin beside the libraries that install: relative error and cost on the same problems, one environment for each.

    python benchmarks/peers/compare.py                 # makes throw-away environments, prints Markdown
    python benchmarks/peers/compare.py --only higher

Each library runs in a virtual environment of its own in a temporary folder, which sees this interpreter's torch and is
deleted afterwards. A library that does not install or run is a row that says so. One thread; float64; cost in those of
a plain gradient of the same network.
"""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS: dict[str, list[str]] = {
    "auxin": [],
    "torchopt": ["torchopt==0.7.3", "optree", "graphviz"],
    "higher": ["higher==0.2.1"],
    "betty": ["betty-ml==0.2.1"],
    "hypergrad": ["hypergrad==0.0.1"],
}
"""What to install without dependencies; Betty's metadata excludes every Python that this torch has."""
PROBLEMS = ["well-conditioned", "isotropic", "condition 1e4", "dropout, plain product", "dropout, one step"]
Row = dict[str, object]


def environment(folder: str, wanted: list[str]) -> str:
    """A fresh environment with these packages, and torch from the one that runs this script."""
    venv.EnvBuilder(with_pip=True).create(folder)
    python = str(Path(folder, "bin", "python"))
    command = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
    (own / "host.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--ignore-requires-python",
        "--ignore-installed",
    ]
    subprocess.run([*install, *wanted], check=True, capture_output=True, text=True)
    return python


def rows(peer: str) -> list[Row]:
    """Its results, or one row that says why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            python = environment(folder, PEERS[peer]) if PEERS[peer] else sys.executable
            script = str(HERE / f"with_{peer}.py")
            settings = {**os.environ, "OMP_NUM_THREADS": "1", "KINETO_LOG_LEVEL": "99"}
            out = subprocess.run(
                [python, "-W", "ignore", script],
                check=True,
                capture_output=True,
                text=True,
                env=settings,
                timeout=600,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            tail = str(error.stderr or error).strip().splitlines()[-1:]
            return [{"problem": "", "method": f"did not run: {' '.join(tail)[:120]}", "error": None}]
    return [json.loads(line) for line in out.stdout.splitlines() if line.startswith("{")]


def table(found: dict[str, list[Row]]) -> str:
    lines = ["| problem | library | method | relative error | time | peak |", "|---|---|---|---|---|---|"]
    for problem in [*PROBLEMS, ""]:
        for peer, own in found.items():
            for row in own:
                if row["problem"] == problem:
                    lines.append(f"| {problem} | {peer} | {row['method']} | {_cells(row)} |")
    return "\n".join(lines)


def _cells(row: Row) -> str:
    number = "" if row["error"] is None else f"{row['error']:.1e}"
    return " | ".join([number, *("" if row.get(k) is None else f"{row[k]:.2f}" for k in ("time", "peak"))])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=list(PEERS), action="append", help="these libraries alone")
    chosen = parser.parse_args().only or list(PEERS)
    found = {}
    for peer in chosen:
        print(f"{peer} ...", file=sys.stderr, flush=True)
        found[peer] = rows(peer)
    print(table(found))


if __name__ == "__main__":
    main()
