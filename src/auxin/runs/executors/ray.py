"""Tasks on a Ray cluster (https://docs.ray.io): on this machine, or at an address."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from auxin.errors import AuxinError, RunError, UnsupportedError
from auxin.runs.executors.contract import Executor, Finished, Task
from auxin.runs.listening import Listener

POLL = 0.5
"""Seconds between two looks for results."""
RETRIES = 3
"""How often a task is computed again whose worker or machine died."""


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
        numbers = {compute.remote(task): number for number, task in enumerate(tasks)}
        waiting = list(numbers)
        try:
            while waiting:
                done, waiting = ray.wait(waiting, timeout=POLL)
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
        own: dict[str, Any] = (
            {"num_cpus": self.jobs, "include_dashboard": False} if self.address is None else {}
        )
        environment = {"env_vars": {"OMP_NUM_THREADS": "1"}}
        try:
            ray.init(address=self.address, log_to_driver=False, runtime_env=environment, **own)
        except (ConnectionError, ValueError) as error:
            raise RunError(
                f"There is no Ray cluster at {self.address}", found=str(error).split("\n", 1)[0]
            ) from error

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


def _compute(task: Task) -> Any:
    import torch

    torch.set_num_threads(1)
    return task()


def _ray() -> Any:
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise UnsupportedError(
            "--engine ray needs Ray, which is not installed", do="Install it: pip install 'auxin[ray]'"
        ) from error
    return ray
