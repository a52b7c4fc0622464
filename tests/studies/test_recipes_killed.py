"""A recipe that is killed, or computed by two Ray workers, ends with the numbers of one undisturbed process."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

RECIPES = {
    "maxl_side_claims": "pieces/*.json",
    "maxl_figure_4": "pieces/*.json",
    "auxilearn_figure_6": "pieces/*.json",
    "maxl_figure_6": "pieces/*.json",
    "metz_figure_3": "rules/*/*",
}
"""One recipe of each kind, with the files whose number tells how far it has come: a table of runs, a table of runs
drawn as curves, mathematics of its own, networks trained by a Python recipe with arrays in its pieces, and a single
piece that is a meta-training with checkpoints of its own."""
CLOCK = {"seconds", "command"}
"""Fields that measure time, or name the folder."""


def command(name: str, out: Path, *engine: str) -> list[str]:
    return [
        *(sys.executable, "-m", "auxin", "reproduce", name, "--smoke", "--out", str(out)),
        *(engine or ("--engine", "serial")),
    ]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "AUXIN_CHECKPOINT_SECONDS": "0"}


def whole(name: str, out: Path, *engine: str) -> dict[str, Any]:
    """Run to the end; every number of the result and of its pieces, times excepted."""
    ended = subprocess.run(
        command(name, out, *engine), env=environment(), capture_output=True, text=True, timeout=600
    )
    assert ended.returncode == 0, ended.stderr
    files = [out / "result.json", *sorted((out / "pieces").glob("*.json"))]
    found = {file.name: timeless(json.loads(file.read_text())) for file in files}
    assert len(found) == 1 + found["result.json"]["total"] == 1 + found["result.json"]["pieces"]
    return found


def timeless(told: Any) -> Any:
    if isinstance(told, dict):
        return {k: timeless(v) for k, v in told.items() if k not in CLOCK}
    return [timeless(v) for v in told] if isinstance(told, list) else told


def killed(name: str, out: Path, after: int, wait: float) -> int:
    """SIGKILL some time after so many files are there; returns how many pieces were finished."""
    running = subprocess.Popen(
        command(name, out), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while len(list(out.glob(RECIPES[name]))) < after and running.poll() is None:
        time.sleep(0.005)
    time.sleep(wait)
    running.send_signal(signal.SIGKILL)
    running.wait()
    return len(list((out / "pieces").glob("*.json")))


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_killed_recipe_ends_with_the_same_numbers(name: str, tmp_path: Path) -> None:
    undisturbed = whole(name, tmp_path / "alone")
    total = undisturbed["result.json"]["total"]
    assert total >= 1
    draw = random.Random(name)
    first = draw.randrange(max(1, total // 2))
    out = tmp_path / "killed"
    moments = (first, draw.randrange(first, total)) if total > 1 else (1, 1)
    left = [killed(name, out, after, draw.random() / 4) for after in moments]
    assert left[0] <= left[1]
    assert left[0] < total
    assert whole(name, out) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_two_ray_workers_give_the_numbers_of_one_process(name: str, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    alone = whole(name, tmp_path / "alone")
    assert whole(name, tmp_path / "ray", "--engine", "ray", "--jobs", "2") == alone
