"""SIGTERM and SIGHUP: at once where nothing is to be saved, after a checkpoint where something is."""

import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, sys
from auxin.interrupts import Terminated, checkpointing, handle_signals, requested
handle_signals()
number = getattr(signal, sys.argv[1])
try:
    if sys.argv[2] == "inside":
        with checkpointing() as end_if_asked:
            os.kill(os.getpid(), number)
            assert requested() == number
            print("saved")
            end_if_asked()
    else:
        os.kill(os.getpid(), number)
    print("not reached")
except Terminated as stop:
    sys.exit(128 + stop.signum)
"""


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
@pytest.mark.parametrize("place", ["inside", "outside"])
def test_a_signal_ends_with_its_code_after_a_checkpoint(name: str, code: int, place: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, name, place], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert done.stdout == ("saved\n" if place == "inside" else "")


def test_a_worker_whose_parent_died_before_it_looked_ends_all_the_same() -> None:
    code = "import time; from auxin.interrupts import follow; follow(parent=2**22 + 1); time.sleep(60)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=300).returncode == 1
