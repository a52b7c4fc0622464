"""The contract of data: what a data set in memory is, and what can load one."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from auxin.data.encoders.arrays import Arrays
from auxin.data.encoders.contract import Encoded, Encoder
from auxin.data.reading import check, content
from auxin.data.targets.domains import renamed
from auxin.errors import ConfigError
from auxin.math.sparse import SparseRows
from auxin.tasks.base import Task


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory: inputs, tasks, targets, and which rows the publisher set aside as a test set.

    It checks itself when made, so whatever holds a `Dataset` holds usable data.

    Attributes:
        name: What it is called in results.
        x: Images, uint8 or float32 [N, C, H, W], in the publisher's units; or vectors, float32 [N, D], as a tensor
            or, where most are zero and a tensor would be large, as `SparseRows`.
        tasks: The tasks by name, the main one among them.
        y: The targets by task, [N] or [N, ...]: integers with -1, or floats with NaN, where missing.
        main: The name of the main task.
        official_test: Which rows the publisher set aside, bool [N]; all False where there is no such test
            set.
        groups: A name per row; rows of one name never fall on both sides of a split, rows named "" are by
            themselves. None: all are.
        parents: For an auxiliary task that refines the main one, the main class of each of its classes,
            int64 [K].
        domains: Auxiliary tasks that are the main task on the rows of another source, and have its output.
        source: The files it was read from.
        licence: Licence, as the publisher states it.
        augmentation: What the set's usual training does to images: "none", "crop" or "crop_flip".
        mean, std: constants for the normalisation (x - mean) / std, in the units of `x`, one per channel or
            column; None where they are to be computed on the training rows.
        blank: Which values of vectors are missing, bool [N, D] (they are 0 in `x`, and the mean in a batch);
            None where none are. `SparseRows` where `x` is.
        encoder: How `x` was made from the user's columns or files, for rows that come later; where the
            reader gives none, one that takes arrays like `x`.
        raw: The rows as the encoder reads them, where it learns from rows (a DataFrame); else None.
        notes: What the reader decided for the user, in sentences.

    Raises:
        DataError: Inputs with NaN or infinity, labels out of range, shapes that do not fit one another,
        parents
            that the labels contradict.
    """

    name: str
    x: Tensor | SparseRows
    tasks: dict[str, Task]
    y: dict[str, Tensor]
    main: str
    official_test: Tensor
    parents: dict[str, Tensor] = field(default_factory=dict)
    domains: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""
    augmentation: str = "none"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    blank: Tensor | SparseRows | None = None
    encoder: Encoder = field(default=None)  # type: ignore[assignment]  # never None once made
    raw: Any = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.encoder is None:
            object.__setattr__(self, "encoder", Arrays.like(self.dense("An encoder of arrays")))
        check.inputs(self.name, self.x)
        check.names(self.name, self.tasks, self.y, self.main)
        for task, target in self.y.items():
            check.targets(self.name, self.tasks[task], target, len(self))
        check.test_rows(self.name, self.official_test, len(self))
        check.blank(self.name, self.blank, self.x)
        check.groups(self.name, self.groups, self.official_test)
        for task, parent in self.parents.items():
            check.parent(
                self.name, task, parent, self.y[task], self.y[self.main], self.tasks[self.main].width
            )

    def __len__(self) -> int:
        return self.x.shape[0]

    def __str__(self) -> str:
        kind = "x".join(str(n) for n in self.shape)
        others = ", ".join(f"{n} ({t.width})" for n, t in self.tasks.items() if n != self.main) or "none"
        return (
            f"{self.name}: {len(self):,} rows of {kind}, "
            f"main task {self.main} ({self.tasks[self.main].width}), auxiliary tasks: {others}"
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input: (C, H, W) or (D,)."""
        return tuple(self.x.shape[1:])

    @property
    def sparse(self) -> bool:
        """Whether the inputs are kept sparse, so that only what takes some rows at a time can use them."""
        return isinstance(self.x, SparseRows)

    def dense(self, what: str) -> Tensor:
        """The inputs as one tensor.

        Args:
            what: needs them so; for the message.

        Raises:
            ConfigError: They are kept sparse.
        """
        if isinstance(self.x, SparseRows):
            raise ConfigError(
                f"{what} takes dense inputs only, and those of {self.name} are kept sparse",
                found=f"{self.x.shape[0]:,} rows of {self.x.shape[1]:,} numbers, most of them 0",
                do="Use fewer rows, or fewer words of a text",
            )
        return self.x

    @property
    def modality(self) -> str:
        """What the default network depends on: "vector", "image", or "dense" where a task has a value per pixel."""
        dense = any(task.dense for task in self.tasks.values())
        return "vector" if len(self.shape) == 1 else ("dense" if dense else "image")

    def has_main(self) -> Tensor:
        """Which rows carry a main label, bool [N]."""
        return self.tasks[self.main].present(self.y[self.main])

    def fitted(self, rows: Tensor, inputs: Tensor | None = None, model: str = "") -> "Dataset":
        """The same data, with everything that is learned from rows learned from these alone.

        That is the units (mean and scale) of real-valued tasks, and the categories, vocabularies and gaps of
        a table's input columns: its inputs are encoded anew, as rows that come later will be.

        Args:
            rows: The training rows with a main label; the main task's units are learned from them.
            inputs: Every training row, those without a main label among them: the encoder and the auxiliary
                tasks' units are learned from them. `rows` where not given.
            model: The model's name, where its inputs depend on it (a pretrained text model takes tokens).
        """
        every = rows if inputs is None else inputs
        tasks = {
            name: self._fit(name, task, rows if name == self.main else every)
            for name, task in self.tasks.items()
        }
        tasks |= {name: renamed(tasks[self.main], name) for name in self.domains}
        if self.raw is None:
            return replace(self, tasks=tasks)
        encoder, (x, blank) = self._encoded(every, model)
        return replace(self, tasks=tasks, encoder=encoder, x=x, blank=blank)

    def _encoded(self, rows: Tensor, model: str) -> tuple[Encoder, Encoded]:
        suited = self.encoder.encoder_for(model)
        key = (suited is self.encoder or model, rows.numpy().tobytes())
        if key not in self._encodings:
            encoder = suited.fit(self.raw.iloc[rows.tolist()])
            self._encodings.clear()  # methods and tries of one seed follow one another
            # rows that were read before, and not new ones in memory, whose per cents would be refused
            again: Any = encoder
            self._encodings[key] = (encoder, again.encode_frame(self.raw, lambda _: None))
        return self._encodings[key]

    @cached_property
    def _encodings(self) -> dict[tuple[bool | str, bytes], tuple[Encoder, Encoded]]:
        return {}

    def _fit(self, name: str, task: Task, rows: Tensor) -> Task:
        fit = getattr(task, "fit", None)
        return fit(name, self.y[name][rows], task.kind) if fit else task  # pyright: ignore[reportAttributeAccessIssue]

    def class_name(self, label: int) -> str:
        """A class of the main task as a user would call it: `3`, or `3 ('cat')` where it has a name."""
        known = getattr(self.tasks[self.main], "label_names", ())
        named = label < len(known) and known[label] != str(label)
        return f"{label} ({known[label]!r})" if named else str(label)

    @cached_property
    def marks(self) -> Sequence[bytes]:
        """Each row's content hash, 32 bytes: of its input (16), its main label (8), its other labels (8)."""
        others = [self.y[name] for name in sorted(self.y) if name != self.main]
        x: Any = self.x if self.blank is None else self.x.masked_fill(self.blank, torch.nan)  # type: ignore[arg-type]
        return content.marks(x, self.y[self.main], others)


class DataSource(ABC):
    """One named data set: where its files are, and how they are read.

    Attributes:
        options: The names of the options that `load` takes: its arguments by keyword.
        suffixes: The endings of file names that it reads (".npz"; "/" for folders), for sources of the
            user's own files.
        where: Where a person fetches the files that auxin cannot fetch; empty for other sources.
        required: The options without which a file of such an ending is another source's.
    """

    options: ClassVar[tuple[str, ...]] = ()
    suffixes: ClassVar[tuple[str, ...]] = ()
    where: ClassVar[str] = ""
    required: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "options" not in vars(cls):
            arguments = inspect.signature(cls.load).parameters.values()
            cls.options = tuple(one.name for one in arguments if one.kind is one.KEYWORD_ONLY)

    # `*_` tells type checkers that members name the options that they take
    @classmethod
    @abstractmethod
    def load(cls, root: Path | None, *_: Any, **options: Any) -> Dataset:
        """Read the data set.

        Args:
            root: The folder (or file) that holds it; None for sets that come with a dependency.
            options: The member's own, flat; those not given take their defaults.

        Raises:
            DataError: files that are missing, damaged, or not what they should be.
            ConfigError: An option that makes no sense.
        """


CONTRACT = DataSource
