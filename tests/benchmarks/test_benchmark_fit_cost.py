"""The script that measures what `auxin fit` and `auxin predict` cost, on a small table."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks/fit_cost.py"


@pytest.mark.slow
def test_one_round_of_both_commands() -> None:
    words = [sys.executable, str(SCRIPT), "--rounds", "1", "--rows", "300"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    cells = [float(cell) for cell in done.stdout.splitlines()[-1].split("|")[2:5]]
    assert cells[0] > cells[1] > 0
    assert 1 / 3 < cells[2] <= 1
