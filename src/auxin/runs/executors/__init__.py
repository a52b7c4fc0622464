"""Where the units of a study are computed: in this process, in several, on a Ray cluster, or on torchrun's ranks."""

from auxin.runs.executors.contract import Executor, Task
from auxin.runs.executors.pick import default_jobs, executor_of, pick, workers

__all__ = ["Executor", "Task", "default_jobs", "executor_of", "pick", "workers"]
