"""The contract of a logger: it writes the record of every run that finishes as another tool reads it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from auxin.errors import ConfigError
from auxin.records.results import EpochRecord, RunResult


class RunLogger(ABC):
    """Writes finished runs for another tool. The study's process alone writes, whatever computes the runs.

    Attributes:
        package: The Python package that it needs, which is an extra of the same name.

    Args:
        folder: Folder of the study's result files.

    Raises:
        ConfigError: The package is not installed.
    """

    package: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        if find_spec(self.package) is None:
            raise ConfigError(
                f"{self.package} is not installed", do=f'Install it: pip install "auxin[{self.package}]"'
            )
        self.folder = folder

    @abstractmethod
    def log(self, run: RunResult, name: str) -> None:
        """Write one run.

        Args:
            run: Record of the run, its epochs among it.
            name: Name of the run within the study, such as `final/maxl/3`.
        """


def scalars(epoch: EpochRecord) -> Iterator[tuple[str, float]]:
    """The numbers of an epoch by name: the training loss, each task's loss, and whatever else was measured."""
    yield "train_loss", epoch.train_loss
    yield from ((f"loss/{task}", value) for task, value in epoch.losses.items())
    yield from ((name.replace(".", "/"), value) for name, value in epoch.measures.items())
    for name in ("validation", "learning_rate"):
        if (value := getattr(epoch, name)) is not None:
            yield name, value


CONTRACT = RunLogger
