"""Options that several verbs share: the executor, the device, the training settings, the folder of the results."""

import hashlib
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import field_validator, model_validator

from auxin.errors import ConfigError
from auxin.requests.hyperparameters import all_checked
from auxin.requests.option import Group, option
from auxin.requests.values import Setting, Settings


class Engine(Group):
    """Where the units of a study are computed, and how many at a time."""

    panel: ClassVar[str] = "Execution"

    jobs: int | None = option(
        None,
        "Number of training runs computed in parallel, one thread each. Default: the number of cores.",
        ge=1,
        changes_results=False,
    )
    engine: Literal["auto", "serial", "processes", "ray", "torchrun"] = option(
        "auto",
        "Executor of the runs: `serial`, `processes`, `ray`, `torchrun`, or `auto` (torchrun's ranks if started by "
        "torchrun, otherwise processes).",
        changes_results=False,
    )
    address: str | None = option(
        None,
        "Address of a Ray cluster. `auto`: the cluster running on this machine. Default: start a local one.",
        metavar="HOST:PORT",
        changes_results=False,
    )

    @model_validator(mode="after")
    def _belongs(self) -> Self:
        if self.address is not None and self.engine != "ray":
            raise ConfigError("--address belongs to --engine ray", found=f"--engine {self.engine}")
        return self


class Compute(Engine):
    """Where the units of a study are computed, and on which device."""

    device: str = option("auto", "Device: cpu, cuda, or auto.", changes_results=False)


class TrainingRequest(Group):
    """The user's own hyperparameters, above every default."""

    panel: ClassVar[str] = "Training"

    model: str | None = option(
        None,
        "Network trunk: a name (`auxin ls models`), `pretrained:PATH`, or your own `module:factory`. Default: by the "
        "data.",
    )
    balanced: bool = option(False, "Weight the loss so that every class counts equally.")
    settings: Settings = option(
        {},
        "Setting of the training, such as lr=0.1 or labeler.entropy=0.2. Repeatable.",
        "--set",
        "NAME=VALUE",
        repeatable=True,
    )

    @field_validator("settings")
    @classmethod
    def _known(cls, settings: dict[str, Setting]) -> dict[str, Setting]:
        return all_checked(settings)

    @property
    def hyperparameters(self) -> dict[str, Setting]:
        """Every setting by name, those with an option of their own among them."""
        own: dict[str, Setting] = {"class_weights": "balanced"} if self.balanced else {}
        return own | ({"model": self.model} if self.model else {}) | self.settings


class StudyRequest(Group):
    """What every study has: a folder for its results, and the command line that repeats it."""

    panel: ClassVar[str] = "Results"

    out: Path | None = option(
        None,
        "Folder for the result files. A repeated run with the same folder resumes.",
        changes_results=False,
    )
    command: str = option("", "The command line that repeats the study.", hidden=True, changes_results=False)

    def default_folder(self) -> Path:
        """Return the folder of the results where --out is not given."""
        raise NotImplementedError

    @property
    def folder(self) -> Path:
        """The folder of the results."""
        return self.out or self.default_folder()

    @property
    def digest(self) -> str:
        """The first eight digits of a hash of the options that change a result."""
        return hashlib.sha256(repr(self.identity()).encode()).hexdigest()[:8]
