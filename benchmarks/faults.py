"""Kill auxin's verbs at random moments, run them again, and compare with runs that nothing disturbed.

    python benchmarks/faults.py --kills compare1=50,compare2=50,fit=20 --place DIR

Every job first runs undisturbed. Then it is killed (SIGKILL) and started again, up to eight kills to a folder, and
finishes. What it leaves is compared with the undisturbed run: every number of every JSON file, every tensor and every
array, bit for bit, times excepted. Ten seconds after each kill no process of the job may be alive.

Four kills of five wait until the process has written a checkpoint of its own, and come after a further time that is
drawn uniformly over half of the span in which the undisturbed run had checkpoints. The fifth is drawn uniformly over
the whole run, to the last figure. Processes are forked from one that has imported every module (under torchrun and in
workers they begin with the imports). Checkpoints are written after every epoch or update
(AUXIN_CHECKPOINT_SECONDS=0). The same command with the same DIR goes on where it was stopped.
"""

import argparse
import importlib
import json
import os
import pkgutil
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
import psutil
from safetensors import safe_open

import auxin
from auxin.cli import main as main_of_auxin

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
TINY = ["--labels-per-class", "5", "--tries", "1", "--set", "model.channel_width=4", "--set", "steps=120"]
COMPARE = ["compare", "digits", "--methods", "single,maxl", "--no-twins", "--seeds", "2", *TINY]
FIT = ["fit", "digits", "--method", "maxl", "--draws", "1", "--budget", "none", *TINY]
COLLAPSE = ["reproduce", "maxl_collapse", "--rows", "250", "--seeds", "1", "--only", "0-2--rate-1e-1"]
RULE = ["rule", "train", "--procedural", "--updates", "30", "--tasks", "2"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
JOBS: dict[str, list[str]] = {
    "compare1": [*COMPARE, "--jobs", "1"],
    "compare2": [*COMPARE, "--jobs", "2"],
    "fit": [*FIT, "--jobs", "1"],
    "rule": RULE,
    "reproduce": [*COLLAPSE, "--jobs", "1"],
    "torchrun": COMPARE,
    "torchrun_rule": RULE,
}
TOGETHER = 8
"""Kills of one folder."""


@dataclass
class Tally:
    """What came of one job's kills.

    Attributes:
        seconds: Length of the undisturbed run.
        first, last: Seconds into it when the first checkpoint was seen, and the last one.
        kills, folders: Their numbers.
        met: Kills with a checkpoint on disk.
        orphans: Processes that were alive ten seconds after a kill.
        different, failed: Files that differ, and runs that did not finish.
    """

    seconds: float = 0.0
    first: float = 0.0
    last: float = 0.0
    kills: int = 0
    folders: int = 0
    met: int = 0
    orphans: int = 0
    different: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class Forked:
    """A command in a copy of this process, which has imported every module: a start costs no seconds.

    Args:
        words: The command.
        log: Where it prints.
    """

    def __init__(self, words: list[str], log: BinaryIO) -> None:
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            self._run(words, log)

    def _run(self, words: list[str], log: BinaryIO) -> NoReturn:
        code = 1
        try:
            os.setsid()
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            main_of_auxin(words)
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float = 3600.0) -> int:
        """The exit code, after its end."""
        end = time.monotonic() + timeout
        while self.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        assert self.returncode is not None
        return self.returncode


Process = Forked | subprocess.Popen


def start(job: str, out: Path) -> Process:
    """The job in a session of its own."""
    words = [*JOBS[job], "--out", str(out)]
    with (out.parent / f"{out.name}.log").open("ab") as log:
        if not job.startswith("torchrun"):
            return Forked(words, log)
        command = [*TORCHRUN, "-m", "auxin", *words]
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def import_all() -> None:
    """Import every module of auxin, so that copies of this process have them."""
    for found in pkgutil.walk_packages(auxin.__path__, "auxin."):
        if not found.name.endswith("__main__"):
            with suppress(ImportError):
                importlib.import_module(found.name)


def checkpoints(out: Path, since: float = 0.0) -> bool:
    """Whether a checkpoint is on disk that was written after this time."""
    for file in out.rglob("checkpoint*"):
        with suppress(FileNotFoundError):
            if file.stat().st_mtime >= since:
                return True
    return False


def family(process: Process) -> list[psutil.Process]:
    """The process and all that it has started."""
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run."""
    with suppress(psutil.NoSuchProcess):
        return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    return alive([p for p in processes if p.is_running()])


def moment_came(process: Process, out: Path, tally: Tally) -> bool:
    """Wait for the moment of a kill; tells whether the process was still running then."""
    since = time.time()
    if random.random() < 0.8:
        while process.poll() is None and not checkpoints(out, since):
            time.sleep(0.02)
        delay = random.uniform(0, (tally.last - tally.first) / 2)
    else:
        delay = random.uniform(0, tally.seconds)
    end = time.monotonic() + delay
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    return process.poll() is None


def kill(job: str, out: Path, tally: Tally) -> bool:
    """Start the job and kill it at a random moment; tells whether it was still running then."""
    process = start(job, out)
    if not moment_came(process, out, tally):
        return False
    members = family(process)
    victim = random.choice(members) if job.startswith("torchrun") else members[0]
    tally.met += checkpoints(out)
    os.kill(victim.pid, signal.SIGKILL)
    tally.kills += 1
    end = time.monotonic() + 10
    if victim is members[0]:
        process.wait()
    while alive(members) and time.monotonic() < end:
        process.poll()
        time.sleep(0.1)
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
    """One job, its undisturbed run, and what came of its kills; it is kept in a folder."""

    job: str
    place: Path
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self.file, whole = self.place / f"{self.job}.json", self.place / f"{self.job}-whole"
        if self.file.exists():
            self.tally = Tally(**json.loads(self.file.read_text()))
        else:
            shutil.rmtree(whole, ignore_errors=True)
            self._undisturbed(whole)
        self.wanted = results(whole)

    def _undisturbed(self, whole: Path) -> None:
        begun, process, tally = time.monotonic(), start(self.job, whole), self.tally
        while process.poll() is None:
            if checkpoints(whole):
                tally.last = time.monotonic() - begun
                tally.first = tally.first or tally.last
            time.sleep(0.05)
        tally.seconds = time.monotonic() - begun
        if process.returncode != 0:
            raise SystemExit((self.place / f"{whole.name}.log").read_text()[-2000:])
        self._keep()

    def _keep(self) -> None:
        self.file.write_text(json.dumps(asdict(self.tally)))

    def folder(self, kills: int) -> None:
        """Kill so many times in one folder, let it finish, and compare."""
        tally = self.tally
        out = self.place / f"{self.job}-{tally.folders}"
        shutil.rmtree(out, ignore_errors=True)  # a benchmark that was stopped has left it
        tally.folders += 1
        for _ in range(kills):
            if not kill(self.job, out, tally):
                break
        code = start(self.job, out).wait()
        log = (self.place / f"{out.name}.log").read_text()
        if code != 0:
            tally.failed.append(f"{out.name}: exit {code}: {log[-1500:]}")
        else:
            found = results(out)
            names = found.keys() | self.wanted.keys()
            different = [f"{out.name}/{n}" for n in sorted(names) if found.get(n) != self.wanted.get(n)]
            different += [f"{f} is left" for f in out.rglob("*.part")]
            tally.different += different
            if not different:
                shutil.rmtree(out)
        self._keep()

    def row(self) -> str:
        """A row of the table."""
        tally = self.tally
        cells = [self.job, tally.kills, tally.folders, tally.met, f"{tally.seconds:.0f}"]
        cells += [len(tally.different), len(tally.failed), tally.orphans]
        return "| " + " | ".join(map(str, cells)) + " |"


def _kills(text: str) -> tuple[str, int]:
    job, _, count = text.partition("=")
    if job not in JOBS or not count.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not JOB=N, with JOB one of {', '.join(JOBS)}")
    return job, int(count)


def main() -> None:
    """Kill every job, some kills to a folder, round by round, until there are enough kills or the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--kills", nargs="+", type=_kills, default=[(job, 20) for job in JOBS], metavar="JOB=N"
    )
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--place", type=Path, required=True)
    given = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "AUXIN_CHECKPOINT_SECONDS": "0"}
    import_all()
    given.place.mkdir(parents=True, exist_ok=True)
    wanted = dict(given.kills)
    end = time.monotonic() + 60 * given.minutes
    tortures: dict[str, Torture] = {}
    while time.monotonic() < end:
        left = [job for job in wanted if job not in tortures or tortures[job].tally.kills < wanted[job]]
        if not left:
            break
        for job in left:
            if time.monotonic() < end:
                torture = tortures.get(job) or Torture(job, given.place)
                tortures[job] = torture
                missing = wanted[job] - torture.tally.kills
                if missing:
                    torture.folder(min(TOGETHER, missing))
                    print(torture.row(), torture.tally.different[:4], torture.tally.failed[:2], flush=True)
    print("\n".join(torture.row() for torture in tortures.values()))


if __name__ == "__main__":
    main()
