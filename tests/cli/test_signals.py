"""A real signal to a real process: it ends with the signal's code and a checkpoint, and the same command resumes."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIZE = [
    "--labels-per-class",
    "5",
    "--tries",
    "1",
    "--set",
    "model.channel_width=4",
    "--set",
    "steps=150",
    "--jobs",
    "1",
]
VERBS = {
    "fit": ["fit", "digits", "--method", "maxl", "--no-guard", "--draws", "1", *SIZE],
    "compare": ["compare", "digits", "--methods", "maxl", "--no-twins", "--seeds", "1", *SIZE],
    "rule": ["rule", "train", "--procedural", "--updates", "40", "--tasks", "2"],
}


def start(words: list[str], out: Path) -> subprocess.Popen:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "AUXIN_CHECKPOINT_SECONDS": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "auxin", *words, "--out", str(out)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )


def finish(words: list[str], out: Path) -> None:
    process = start(words, out)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said


def results(out: Path) -> dict:
    spec = importlib.util.spec_from_file_location("faults", ROOT / "benchmarks" / "faults.py")
    assert spec is not None
    assert spec.loader is not None
    faults = importlib.util.module_from_spec(spec)
    sys.modules["faults"] = faults
    spec.loader.exec_module(faults)
    return faults.results(out)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "number"), [("fit", signal.SIGTERM), ("compare", signal.SIGHUP), ("rule", signal.SIGTERM)]
)
def test_a_signal_keeps_the_checkpoint_and_the_same_command_resumes(verb, number, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "ended"
    finish(VERBS[verb], whole)
    process = start(VERBS[verb], out)
    while not list(out.rglob("checkpoint*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 128 + number
    assert f"Stopped by {signal.Signals(number).name}" in said.replace("\n", " ")
    assert list(out.rglob("checkpoint*"))
    finish(VERBS[verb], out)
    assert results(out) == results(whole)
