"""A task as plain data and back: what a kind's constructor takes, without what only training needs."""

import inspect
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from auxin import catalogue

if TYPE_CHECKING:
    from auxin.tasks.base import Task

TRAINING_ONLY = ("name", "loss", "gamma", "class_weights")


class TaskState(BaseModel):
    """A task's kind (a name of the family `tasks`), its own name, and its options.

    >>> from auxin.tasks.regression import Regression
    >>> TaskState.of(Regression("price", mean=2.0, scale=4.0))
    TaskState(kind='regression', name='price', options={'width': 1, 'mean': 2.0, 'scale': 4.0})
    """

    kind: str
    name: str
    options: dict[str, Any] = {}

    @classmethod
    def of(cls, task: "Task") -> "TaskState":
        """The task as plain data."""
        names = [n for n in inspect.signature(type(task)).parameters if n not in TRAINING_ONLY]
        found = {n: getattr(task, n) for n in names if hasattr(task, n)}
        plain = {n: list(v) if isinstance(v, tuple) else v for n, v in found.items()}
        return cls(kind=type(task).__module__.rsplit(".", 1)[-1], name=task.name, options=plain)

    def task(self) -> "Task":
        """The task again.

        Raises:
            ValueError: Names of classes are no words, or the options make no task.
        """
        names = self.options.get("label_names") or ()
        if not all(isinstance(name, str) for name in names):
            raise ValueError(f"the names of the classes of {self.name} are no words: {names!r}"[:200])
        return catalogue.load("tasks", self.kind)(self.name, **self.options)
