"""Kill auxin's verbs at random moments, run them again, and compare with runs that nothing disturbed.

    python benchmarks/faults.py --kills 50 --jobs compare1,compare2,fit --out table.md

Every job first runs undisturbed. Then it is killed (SIGKILL, at a moment drawn uniformly over the undisturbed run's
time) and started again, three kills to a folder, and finishes. What it leaves is compared with the undisturbed run:
every number of every JSON file, every tensor and every array, bit for bit, times excepted. Ten seconds after each kill
no process of the job may be alive. Checkpoints are written after every epoch (AUXIN_CHECKPOINT_SECONDS=0).
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from safetensors import safe_open

TIMES = {
    "seconds",
    "seconds_per_step",
    "seconds_per_run",
    "started",
    "overhead",
    "command",
    "weights",
    "checksum",
}
"""Fields that tell times, or hash a file that does."""
TINY = ["--labels-per-class", "5", "--tries", "1", "--set", "model.channel_width=4", "--set", "steps=150"]
COMPARE = ["compare", "--methods", "single,maxl", "--no-twins", "--seeds", "2", *TINY]
FIT = ["fit", "digits", "--method", "maxl", "--draws", "1", "--budget", "none", *TINY]
RULE = ["rule", "train", "--procedural", "--updates", "20", "--tasks", "2"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
PLAIN = [sys.executable]
JOBS: dict[str, list[str]] = {
    "compare1": [*PLAIN, "-m", "auxin", *COMPARE, "--jobs", "1"],
    "compare2": [*PLAIN, "-m", "auxin", *COMPARE, "--jobs", "2"],
    "fit": [*PLAIN, "-m", "auxin", *FIT, "--jobs", "1"],
    "rule": [*PLAIN, "-m", "auxin", *RULE],
    "reproduce": [*PLAIN, "-m", "auxin", "reproduce", "auxilearn_figure_6", "--smoke", "--jobs", "2"],
    "torchrun": [*TORCHRUN, "-m", "auxin", *COMPARE],
    "torchrun_rule": [*TORCHRUN, "-m", "auxin", *RULE],
}


@dataclass
class Tally:
    """What came of one job's kills."""

    kills: int = 0
    folders: int = 0
    checkpoints: int = 0
    orphans: int = 0
    different: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def start(job: str, out: Path) -> subprocess.Popen:
    """The job in a session of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "AUXIN_CHECKPOINT_SECONDS": "0"}
    log = (out.parent / f"{out.name}.log").open("ab")
    return subprocess.Popen(
        [*JOBS[job], "--out", str(out)], env=environment, stdout=log, stderr=log, start_new_session=True
    )


def family(process: subprocess.Popen) -> list[psutil.Process]:
    """The process and all that it has started."""
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run."""
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def kill(job: str, out: Path, moment: float, tally: Tally) -> bool:
    """Start the job and kill it at this moment; tells whether it was still running then."""
    process = start(job, out)
    time.sleep(moment)
    if process.poll() is not None:
        return False
    members = family(process)
    victim = random.choice(members) if job.startswith("torchrun") else members[0]
    tally.checkpoints += bool(list(out.rglob("checkpoint*")))
    os.kill(victim.pid, signal.SIGKILL)
    tally.kills += 1
    end = time.monotonic() + 10
    if victim is members[0]:
        process.wait()
    while alive(members) and time.monotonic() < end:
        time.sleep(0.2)
    left = alive(members)
    if left and victim is not members[0]:  # torchrun itself ends its ranks, within half a minute
        process.wait(timeout=60)
        left = alive(members)
    tally.orphans += len(left)
    for orphan in left:
        orphan.kill()
    return True


def numbers(value: Any) -> Any:
    """A JSON value without the fields that tell times."""
    if isinstance(value, dict):
        return {k: numbers(v) for k, v in value.items() if k not in TIMES}
    return [numbers(v) for v in value] if isinstance(value, list) else value


def content(file: Path) -> Any:
    """What a result file holds, comparable."""
    if file.suffix == ".json":
        return numbers(json.loads(file.read_text()))
    if file.suffix == ".jsonl":
        return [numbers(json.loads(line)) for line in file.read_text().splitlines()]
    if file.suffix == ".npz":
        with np.load(file) as arrays:
            return {name: (arrays[name].dtype.str, arrays[name].tobytes()) for name in arrays.files}
    with safe_open(str(file), framework="np") as tensors:
        return {name: tensors.get_tensor(name).tobytes() for name in tensors.keys()}  # noqa: SIM118


def results(out: Path) -> dict[str, Any]:
    """Every result file of a folder."""
    kinds = {".json", ".jsonl", ".npz", ".safetensors"}
    return {str(f.relative_to(out)): content(f) for f in sorted(out.rglob("*")) if f.suffix in kinds}


@dataclass
class Torture:
    """One job, its undisturbed run, and what came of its kills."""

    job: str
    place: Path
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        begun, whole = time.monotonic(), self.place / f"{self.job}-whole"
        if start(self.job, whole).wait() != 0:
            raise SystemExit((self.place / f"{whole.name}.log").read_text()[-2000:])
        self.seconds, self.wanted = time.monotonic() - begun, results(whole)

    def folder(self, kills: int) -> None:
        """Kill so many times in one folder, let it finish, and compare."""
        tally = self.tally
        out = self.place / f"{self.job}-{tally.folders}"
        tally.folders += 1
        for _ in range(kills):
            if not kill(self.job, out, random.uniform(0.4, 1.0) * self.seconds, tally):
                self.seconds *= 0.7  # the machine has become faster since the undisturbed run
                break
        code = start(self.job, out).wait()
        if code != 0:
            tally.failed.append(
                f"{out.name}: exit {code}: {(self.place / f'{out.name}.log').read_text()[-1500:]}"
            )
            return
        found = results(out)
        names = found.keys() | self.wanted.keys()
        tally.different += [f"{out.name}/{n}" for n in sorted(names) if found.get(n) != self.wanted.get(n)]
        tally.different += [f"{f} is left" for f in out.rglob("*.part")]
        if not tally.different:
            shutil.rmtree(out)

    def row(self) -> str:
        """A row of the table."""
        tally = self.tally
        cells = [self.job, tally.kills, tally.folders, tally.checkpoints, f"{self.seconds:.0f}"]
        cells += [len(tally.different), len(tally.failed), tally.orphans]
        return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    """Kill every job three times to a folder, round by round, until there are enough kills or the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--jobs", default=",".join(JOBS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    random.seed(given.seed)
    end = time.monotonic() + 60 * given.minutes
    with tempfile.TemporaryDirectory() as place:
        tortures: dict[str, Torture] = {}
        while time.monotonic() < end:
            names = given.jobs.split(",")
            left = [n for n in names if n not in tortures or tortures[n].tally.kills < given.kills]
            if not left:
                break
            for name in left:
                if time.monotonic() < end:
                    torture = tortures.get(name) or Torture(name, Path(place))
                    tortures[name] = torture
                    torture.folder(min(3, given.kills - torture.tally.kills))
                    print(torture.row(), torture.tally.different[:4], torture.tally.failed[:2], flush=True)
        print("\n".join(torture.row() for torture in tortures.values() if torture))


if __name__ == "__main__":
    main()
