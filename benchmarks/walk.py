"""The functions that a CSV file's path, or a training batch, comes through, and how often a file is returned to.

    python benchmarks/walk.py path                       # of this checkout
    PYTHONPATH=OTHER/src python benchmarks/walk.py batch # of another

`auxin compare` runs tiny on a table of 60 rows, under `sys.setprofile`. A *stay* is a function of auxin that is called
with the value: the path itself or a request, specification or plan that holds it as an attribute (two levels deep), or
a training batch. Properties, generated methods, comprehensions and lambdas are no stays. A *return* is a stay in a file
that the walk has been in before and has left since. Each function counts once, where the walk first comes to it.
"""

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

SMALL = [
    "--set",
    "steps=4",
    "--seeds",
    "1",
    "--tries",
    "1",
    "--tuning-seeds",
    "1",
    "--jobs",
    "1",
    "--no-twins",
]


def holds(value: Any, wanted: str, depth: int = 2) -> bool:
    """Whether a value is the wanted path, or has it among its attributes."""
    if isinstance(value, str | Path):
        return str(value) == wanted
    own = getattr(value, "__dict__", None)
    slots = [getattr(value, name, None) for name in getattr(type(value), "__slots__", ())]
    plain = type(value).__module__.startswith("auxin")
    return bool(depth and plain) and any(holds(v, wanted, depth - 1) for v in [*(own or {}).values(), *slots])


def is_batch(value: Any) -> bool:
    """Whether a value is a batch of rows."""
    return type(value).__name__ == "Batch"


def walked(run: Callable[[], None], carries: Callable[[Any], bool]) -> list[tuple[str, str]]:
    """File and name of every function that is called with a value that `carries` accepts, by first call."""
    found: dict[CodeType, tuple[str, str]] = {}
    refused: set[CodeType] = set()

    def look(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event != "call" or code in found or code in refused:
            return
        if "/auxin/" not in code.co_filename or code.co_name.startswith(("<", "__")) or is_property(frame):
            refused.add(code)
            return
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if any(carries(frame.f_locals.get(name)) for name in names):
            found[code] = (code.co_filename.rsplit("/auxin/", 1)[1], code.co_qualname)

    sys.setprofile(look)
    try:
        run()
    finally:
        sys.setprofile(None)
    return list(found.values())


def is_property(frame: FrameType) -> bool:
    """Whether a frame is the getter of a property."""
    owner = frame.f_locals.get("self")
    return isinstance(getattr(type(owner), frame.f_code.co_name, None), property)


def returns(stays: list[tuple[str, str]]) -> int:
    """How often the walk enters a file again that it has left.

    >>> returns([("a", "f"), ("a", "g"), ("b", "h"), ("a", "i")])
    1
    """
    rooms = [file for file, _ in groupby(stays, key=lambda stay: stay[0])]
    return len(rooms) - len(set(rooms))


def main() -> None:
    """Print the walk and its counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("value", choices=("path", "batch"))
    given = parser.parse_args()
    from auxin import cli

    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(60, 3)).round(3), rng.integers(2, size=60)
        lines = [f"{a},{b},{c},{'yes' if k else 'no'},{a}" for (a, b, c), k in zip(x, y, strict=True)]
        table.write_text("\n".join(["a,b,c,y,z", *lines]) + "\n")
        methods = ["--methods", "single,equal"]
        words = [
            "compare",
            str(table),
            "--target",
            "y",
            "--aux",
            "z",
            *methods,
            *SMALL,
            "--out",
            f"{folder}/out",
        ]

        def run() -> None:
            with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
                cli.main(words)

        stays = walked(run, is_batch if given.value == "batch" else lambda value: holds(value, str(table)))
    for file, name in stays:
        print(f"{file}: {name}")
    files = len({file for file, _ in stays})
    print(f"{len(stays)} stays in {files} files, {returns(stays)} returns")


if __name__ == "__main__":
    main()
