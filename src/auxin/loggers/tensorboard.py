"""TensorBoard: one folder of events per run, below DIR/tensorboard."""

from typing import ClassVar

from auxin.loggers.base import RunLogger, scalars
from auxin.records.results import RunResult


class TensorBoard(RunLogger):
    """Scalars of every epoch, through `torch.utils.tensorboard.SummaryWriter`.

    Show them with `tensorboard --logdir DIR/tensorboard`.
    """

    package: ClassVar[str] = "tensorboard"

    def log(self, run: RunResult, name: str) -> None:
        """Write one folder of events."""
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(self.folder / "tensorboard" / name)) as writer:
            for step, epoch in enumerate(run.epochs, start=1):
                for tag, value in scalars(epoch):
                    writer.add_scalar(tag, value, step)
