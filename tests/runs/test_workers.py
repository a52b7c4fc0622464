"""Worker processes: a killed parent takes them along, and what was finished is found again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def children(parent: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in found.stdout.split()]


def alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks processes up in /proc")
def test_kill_9_leaves_no_workers_behind_and_no_torn_result(tmp_path: Path) -> None:
    out = tmp_path / "out"
    small = ["--set", "steps=4", "--set", "model.channel_width=4", "--tries", "1", "--jobs", "2"]
    command = [sys.executable, "-m", "auxin", "compare", "--methods", "single", *small, "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, "--seeds", "300"], env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (done := list(out.glob("runs/final/**/result.json"))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert done
    workers = children(process.pid)
    assert len(workers) >= 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(alive, workers))
    assert all(file.read_text().rstrip().endswith("}") for file in out.glob("runs/**/result.json"))
