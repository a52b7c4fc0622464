"""Human: the given auxiliary labels, such as a finer level of the classes, on every row that carries one."""

from dataclasses import replace

from torch import Tensor

from auxin.errors import ConfigError, DataError
from auxin.labelers._checks import given_labels, hierarchy_of, ownership
from auxin.labelers.base import Labeler, LabelerContext
from auxin.math.hierarchy import Hierarchy
from auxin.math.masked_softmax import one_hot_or_nan
from auxin.paper import MAXL
from auxin.typing import Batch


class Given(Labeler):
    """The baseline "Human": auxiliary labels that people made.

    Liu, Davison, Johns 2019, section 4.1. The auxiliary classes keep the data's own numbers, so they need
    not be sorted by primary class, nor be sub-classes at all; psi of the context is not used. A row without
    a main label still gets its given label (that is where the gain is); a row whose given label is missing
    has none.

    Args:
        task: Name of the given auxiliary task.
        classes: Number K of auxiliary classes.
        hierarchy: psi as found in the data; only its sizes mean anything here.

    >>> import torch
    >>> from torch import nn
    >>> x, rows = torch.zeros(3, 1), torch.arange(3)
    >>> y = {"coarse": torch.tensor([0, 1, -1]), "fine": torch.tensor([1, -1, 0])}
    >>> context = LabelerContext("coarse", Hierarchy((1, 1)), x, y, rows, nn.Identity, seed=0, aux="fine")
    >>> Given.build(context)(Batch(x, y, rows)).tolist()
    [[0.0, 1.0], [nan, nan], [1.0, 0.0]]
    """

    paper = replace(MAXL, place="section 4.1, baseline Human")

    def __init__(self, task: str, classes: int, hierarchy: Hierarchy) -> None:
        super().__init__()
        self.task, self.classes, self.hierarchy = task, classes, hierarchy

    @classmethod
    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, context: LabelerContext, *, classes: int = 0
    ) -> "Given":
        """Read the auxiliary task's classes from the training rows.

        Args:
            context: The training rows; `context.aux` names the task.
            classes: K, or 0: one more than the greatest label among the training rows.

        Raises:
            ConfigError: There is no such task, or K is too small.
            DataError: Its labels are not class numbers.
        """
        task, labels = given_labels(context, "given")
        found = int(labels.max()) + 1
        if classes and classes < found:
            raise ConfigError(
                f"The task {task!r} has more classes", expected=f"at least {found}", found=str(classes)
            )
        owns = ownership(context.y[context.main], labels, context.hierarchy.primary, classes or found)
        return cls(task, classes or found, hierarchy_of(owns))

    def forward(self, batch: Batch) -> Tensor:
        """The given labels, one-hot [B, K]."""
        labels = batch.y[self.task]
        if labels.numel() and int(labels.max()) >= self.classes:
            raise DataError(
                f"A label of {self.task!r} is outside the range",
                expected=f"labels below {self.classes}",
                found=str(int(labels.max())),
            )
        return one_hot_or_nan(labels, self.classes, batch.x.dtype)
