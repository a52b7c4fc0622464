"""Worker processes: a killed parent takes them along, and what was finished is found again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest


def descendants(parent: int) -> list[psutil.Process]:
    return psutil.Process(parent).children(recursive=True)


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_kill_9_leaves_no_workers_behind_and_no_torn_result(tmp_path: Path) -> None:
    out = tmp_path / "out"
    small = ["--set", "steps=4", "--set", "model.channel_width=4", "--tries", "1", "--jobs", "2"]
    command = [sys.executable, "-m", "auxin", "compare", "--methods", "single", *small, "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, "--seeds", "80"], env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (done := list(out.glob("runs/final/**/result.json"))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert done
    workers = descendants(process.pid)
    assert len(workers) >= 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(alive, workers))
    assert all(file.read_text().rstrip().endswith("}") for file in out.glob("runs/**/result.json"))
