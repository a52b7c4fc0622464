"""The executor that a user's --engine, --jobs and --address mean."""

import os

from auxin.catalogue import unknown
from auxin.errors import ConfigError
from auxin.requests.shared import Engine
from auxin.runs.executors.contract import Executor
from auxin.runs.executors.processes import Processes
from auxin.runs.executors.serial import Serial

ENGINES = ("auto", "serial", "processes", "ray", "torchrun")


def default_jobs() -> int:
    """As many processes as this process may use cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def executor_of(options: Engine) -> Executor:
    """Return the executor that a request's options select."""
    return pick(options.engine, options.jobs, options.address)


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


def pick(engine: str = "auto", jobs: int | None = 1, address: str | None = None) -> Executor:
    """The executor of this name.

    Args:
        engine: `auto` is torchrun's ranks where torchrun started this process, else worker processes, or this
            process alone with one job.
        jobs: How many units are computed side by side, or None for the number of cores; Ray and torchrun know their
            own numbers.
        address: Address of a Ray cluster; None starts one on this machine.

    Raises:
        ConfigError: There is no such engine, or a number of jobs below 1.
        UnsupportedError: Ray is not installed.
    """
    jobs = default_jobs() if jobs is None else jobs
    if engine not in ENGINES:
        raise ConfigError(unknown("engine", engine, list(ENGINES)))
    if jobs < 1:
        raise ConfigError("--jobs is too small", expected="at least 1", found=str(jobs))
    if engine == "ray":
        from auxin.runs.executors.ray import Ray

        return Ray(jobs, address)
    if _by_torchrun(engine):
        from auxin.runs.executors.torchrun import Ranks

        return Ranks()
    return Serial() if engine == "serial" or jobs == 1 else Processes(jobs)
