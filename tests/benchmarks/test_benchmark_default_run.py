"""The script that sets the default comparison beside another checkout's."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks/default_run.py"


@pytest.mark.slow
def test_two_checkouts_in_one_table() -> None:
    small = [
        "--methods",
        "single,random",
        "--seeds",
        "2",
        "--set",
        "steps=10",
        "--base",
        str(SCRIPT.parents[1]),
    ]
    done = subprocess.run([sys.executable, str(SCRIPT), *small], capture_output=True, text=True, check=True)
    this, other = ([cell.strip() for cell in row.split("|")[1:-1]] for row in done.stdout.splitlines()[-2:])
    assert (this[0], other[0]) == ("this", "other")
    assert float(this[1]) > 0
    assert this[2:] == other[2:]
