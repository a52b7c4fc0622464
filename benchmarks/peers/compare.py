"""auxin beside the libraries that install: relative error and cost on the same problems, one environment for each.

    python benchmarks/peers/compare.py                 # makes throw-away environments, prints Markdown
    python benchmarks/peers/compare.py --only higher --network conv4

Each library runs in a virtual environment of its own in a temporary folder, which sees this interpreter's torch and is
deleted afterwards. A library that does not install or run is a row that says so. One thread; float64; cost in those of
a plain gradient of the same network, interleaved with it. The libraries take turns; the median over the turns is kept.
"""

import argparse
import json
import os
import statistics
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
QUADRATICS = ["well-conditioned", "isotropic", "condition 1e4"]
NETWORKS = {"mlp": "dropout", "conv4": "conv4", "vgg16": "vgg16"}
KINDS = ["plain product", "one step", "Neumann series"]
PROBLEMS = [*QUADRATICS, *(f"{network}, {kind}" for network in NETWORKS.values() for kind in KINDS)]
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


def prepared(peer: str, folder: Path) -> str | Row:
    """The interpreter that has this library, or a row that says why there is none."""
    try:
        return environment(str(folder / peer), PEERS[peer]) if PEERS[peer] else sys.executable
    except subprocess.CalledProcessError as error:
        return failure("install", error)


def rows(peer: str, python: str, networks: list[str]) -> list[Row]:
    """Its results, or one row that says why there are none."""
    command = [python, "-W", "ignore", str(HERE / f"with_{peer}.py"), *networks]
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "KINETO_LOG_LEVEL": "99"}
    try:
        out = subprocess.run(command, check=True, capture_output=True, text=True, env=settings, timeout=600)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        return [failure("run", error)]
    return [json.loads(line) for line in out.stdout.splitlines() if line.startswith("{")]


def failure(what: str, error: subprocess.CalledProcessError | subprocess.TimeoutExpired) -> Row:
    tail = str(error.stderr or error).strip().splitlines()[-1:]
    return {"problem": "", "method": f"did not {what}: {' '.join(tail)[:120]}", "error": None}


def merged(turns: list[list[Row]]) -> list[Row]:
    """Each result once, its time the median over the turns."""
    found: dict[object, list[Row]] = {}
    for row in [row for turn in turns for row in turn]:
        found.setdefault((row["problem"], row["method"]), []).append(row)
    return [{**same[0], "time": middle([row.get("time") for row in same])} for same in found.values()]


def middle(times: list[object]) -> float | None:
    known = [t for t in times if isinstance(t, float)]
    return statistics.median(known) if known else None


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
    parser.add_argument("--network", choices=list(NETWORKS), action="append", help="these networks alone")
    parser.add_argument("--turns", type=int, default=1, help="how often each library is run, in turn")
    options = parser.parse_args()
    networks = options.network or list(NETWORKS)
    turns: dict[str, list[list[Row]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        pythons = {peer: prepared(peer, Path(folder)) for peer in options.only or list(PEERS)}
        for turn in range(options.turns):
            for peer, python in pythons.items():
                print(f"turn {turn + 1}: {peer} ...", file=sys.stderr, flush=True)
                own = rows(peer, python, networks) if isinstance(python, str) else [python]
                turns.setdefault(peer, []).append(own)
    print(table({peer: merged(own) for peer, own in turns.items()}))


if __name__ == "__main__":
    main()
