"""Tasks on a Ray cluster (https://docs.ray.io): on this machine, or at an address."""

import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from auxin.errors import AuxinError, RunError, UnsupportedError
from auxin.interrupts import checkpointing
from auxin.memory import own_process, set_for_training
from auxin.runs.executors.contract import Executor, Finished, Listener, Task

POLL = 0.5
"""Seconds between two looks for results."""
RETRIES = 3
"""How often a task is computed again whose worker or machine died."""
REACH = 10.0
"""Seconds in which a cluster's address has to answer. Ray itself asks again for minutes."""


@dataclass(frozen=True)
class Ray(Executor):
    """The workers of a Ray cluster, one CPU per task, and a share of a GPU where tasks ask for one.

    A task whose worker died is computed again, from its checkpoint where the cluster's machines share the folder.
    Results travel through Ray; files are written to the study's folder, which all machines must see.

    Attributes:
        jobs: CPUs of a cluster that is started on this machine.
        address: Address of a running cluster (`auto`, or HOST:PORT); None starts one.
        gpus: GPUs per task; 0.25 lets four tasks share one.
    """

    jobs: int = 1
    address: str | None = None
    gpus: float = 0.0

    def map(self, tasks: Sequence[Task], on_progress: Listener | None = None) -> Iterator[Finished | None]:
        """Compute the tasks on the cluster.

        Raises:
            UnsupportedError: Ray is not installed.
            RunError: There is no cluster at the address, or a task's workers died again and again.
        """
        del on_progress
        ray = _ray()
        self._join(ray)
        compute = ray.remote(num_cpus=1, num_gpus=self.gpus, max_retries=RETRIES)(_compute)
        here = os.getcwd()
        numbers = {compute.remote(task, here): number for number, task in enumerate(tasks)}
        waiting = list(numbers)
        try:
            with checkpointing() as end_if_asked:  # Ray's calls cannot be ended by an exception of a signal
                while waiting:
                    done, waiting = ray.wait(waiting, timeout=POLL)
                    end_if_asked()
                    if not done:
                        yield None
                    for found in done:
                        yield numbers[found], self._result(ray, found)
        finally:
            for left in waiting:
                ray.cancel(left, force=True)

    def _join(self, ray: Any) -> None:
        if ray.is_initialized():
            return
        own: dict[str, Any] = {}
        if self.address is None:
            own = {"num_cpus": self.jobs, "include_dashboard": False}
            if hasattr(os, "nice"):  # its workers would have niceness 15, and wait for everything else
                os.environ.setdefault("RAY_worker_niceness", str(os.nice(0)))
        elif self.address != "auto":
            _reach(self.address)
        variables = {name: value for name, value in os.environ.items() if name.startswith("AUXIN_")}
        environment = {"env_vars": {**variables, "OMP_NUM_THREADS": "1"}}
        try:
            with _own_signals():
                ray.init(self.address or "local", log_to_driver=False, runtime_env=environment, **own)
        except (ConnectionError, ValueError) as error:
            raise _no_cluster(self.address, error) from error

    def _result(self, ray: Any, found: Any) -> Any:
        try:
            return ray.get(found)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause
            raise cause if isinstance(cause, AuxinError) else RunError(str(error)) from error
        except ray.exceptions.RayError as error:
            raise RunError(
                f"A task's worker died {RETRIES + 1} times",
                found=str(error).split("\n", 1)[0],
                do="It may have run out of memory: run the same command with fewer tasks at a time to resume",
            ) from error


def _compute(task: Task, folder: str) -> Any:
    if not own_process():
        set_for_training()
    try:
        os.chdir(folder)  # the paths of data and results may begin there
    except OSError as error:
        raise RunError(
            f"A machine of the Ray cluster has no folder {folder}",
            expected="the folder of the command and that of --out, on every machine",
            found=error.strerror or str(error),
        ) from error
    import torch

    torch.set_num_threads(1)
    return task()


def _reach(address: str) -> None:
    """Refuse an address where nothing answers."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    try:
        if port.isdecimal():
            socket.create_connection((host, int(port)), timeout=REACH).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str | None, error: Exception) -> RunError:
    return RunError(
        f"There is no Ray cluster at {address}" if address else "No Ray cluster can be started here",
        found=str(error).split("\n", 1)[0],
        do="`ray start --head` starts one, and prints its address" if address else "",
    )


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep this process's own ways to end: Ray puts its own there, which end it by an abort."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    own = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in own.items():
            signal.signal(number, handler)


def _ray() -> Any:
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        do = "Install it: pip install 'auxin[ray]'"
        raise UnsupportedError("--engine ray needs Ray, which is not installed", do=do) from error
    return ray
