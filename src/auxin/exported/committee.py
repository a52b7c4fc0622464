"""What predicts where `fit` kept an estimator, networks side by side, or a blend: the same calls as a network's."""

from typing import Any

from torch import Tensor

from auxin.data.encoders.notices import at_bounds
from auxin.errors import DataError
from auxin.exported.predictor import finished
from auxin.exported.task_state import TaskState
from auxin.fitting.candidates import Member
from auxin.fitting.saved import Parts, restored, state_of
from auxin.tasks.base import Task
from auxin.tasks.regression import Regression


class Committee:
    """A trained member of `auxin.fitting` as a model's predictor.

    Args:
        member: The trained candidate.

    Inputs: float [B, D], NaN where missing, or [B, C, H, W] in the units of the stored pixels.
    Outputs: as `auxin.exported.predictor.Predictor`.
    """

    temperature = 1.0

    def __init__(self, member: Member) -> None:
        self.member = member

    @property
    def task(self) -> Task:
        """The main task."""
        return self.member.task

    def at_bounds(self, outputs: Tensor) -> int:
        """How many predicted numbers are set to a bound, because they would lie far outside all labels."""
        if (bounds := self.bounds) is None:
            return 0
        return at_bounds(self.task.predict(outputs).double().numpy(), *bounds)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Between what predicted numbers stay, in the target's unit; None where nothing bounds them."""
        bounds, task = getattr(self.member, "bounds", None), self.task
        if bounds is None or not isinstance(task, Regression):
            return None
        low, high = (float(bound * task.scale + task.mean) for bound in bounds)
        return low, high

    def outputs(self, x: Tensor) -> Tensor:
        """What a main head would put out, float64 [B, width]."""
        return self.member.outputs(x.float().flatten(1).numpy())

    def __call__(self, x: Tensor) -> Tensor:
        """Raw inputs to probabilities, or to values in the target's unit."""
        return finished(self.task, self.outputs(x))

    def parts(self) -> tuple[dict[str, Any], Parts]:
        """What it is as plain data, and its weights."""
        parts = Parts()
        state = state_of(self.member, parts)
        return {"member": state, "tasks": [TaskState.of(t).model_dump() for t in parts.tasks]}, parts

    @classmethod
    def of(
        cls, state: dict[str, Any], task: Task, tensors: dict[str, Tensor], estimators: list[Any]
    ) -> "Committee":
        """The committee again, from what `parts` gave.

        Raises:
            DataError: The parts do not make a model.
        """
        tasks = [TaskState.model_validate(one).task() for one in state["tasks"]]
        try:
            return cls(restored(state["member"], task, Parts(tensors, estimators, tasks)))
        except (KeyError, IndexError, TypeError) as error:
            raise DataError("The model's parts do not belong together", found=str(error)) from error
