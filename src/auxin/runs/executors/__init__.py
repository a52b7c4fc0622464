"""Where the units of a study are computed: in this process, in several, on a Ray cluster, or on torchrun's ranks."""

import os

from auxin.requests.shared import Engine
from auxin.runs.executors.contract import Executor, Task
from auxin.runs.executors.processes import Processes
from auxin.runs.executors.serial import Serial

__all__ = ["Executor", "Serial", "Task", "default_jobs", "executor_of", "workers"]


def default_jobs() -> int:
    """As many processes as this process may use cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def executor_of(options: Engine) -> Executor:
    """Return the executor that a request's --engine, --jobs and --address select.

    Raises:
        UnsupportedError: Ray is not installed.
    """
    jobs = options.jobs or default_jobs()
    if options.engine == "ray":
        from auxin.runs.executors.ray import Ray

        return Ray(jobs, options.address)
    if _by_torchrun(options.engine):
        from auxin.runs.executors.torchrun import Ranks

        return Ranks()
    return Serial() if options.engine == "serial" or jobs == 1 else Processes(jobs)


def workers(options: Engine) -> str:
    """What computes the units, in words.

    >>> workers(Engine(engine="serial", jobs=4)), workers(Engine(engine="processes", jobs=2))
    ('1 process', '2 processes')
    >>> workers(Engine(engine="ray", jobs=2)), workers(Engine(engine="ray", address="auto"))
    ('2 workers of Ray', 'the Ray cluster at auto')
    """
    if options.address is not None:
        return f"the Ray cluster at {options.address}"
    if _by_torchrun(options.engine):
        return f"{_ranks()} processes of torchrun"
    jobs = 1 if options.engine == "serial" else options.jobs or default_jobs()
    if options.engine == "ray":
        return f"{jobs} worker{'s' * (jobs != 1)} of Ray"
    return f"{jobs} process{'es' * (jobs != 1)}"


def _ranks() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def _by_torchrun(engine: str) -> bool:
    return engine == "torchrun" or (engine == "auto" and _ranks() > 1)
