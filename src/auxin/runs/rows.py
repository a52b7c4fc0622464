"""What determines a run, its data and the roles of their rows: values that another process can run from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch

from auxin.data import Dataset, Splits, load, make_splits
from auxin.records.results import Phase, Setting
from auxin.requests.data import DataSpec, SplitSpec
from auxin.store import digest_of
from auxin.tasks.classes import Classes


@lru_cache(maxsize=2)
def load_data(spec: DataSpec) -> Dataset:
    """The data set, read once per process."""
    return grouped(load(spec.name, spec.root, **dict(spec.options)))


_read: dict[DataSpec, object] = {}
"""The stamps of the files of the data that `load_data` holds."""


def data_now(spec: DataSpec) -> Dataset:
    """The data set as its files are now: a study begins with it, so that a change since an earlier study is seen."""
    stamp = _stamp(spec)
    if _read.get(spec) != stamp:
        for kept in (load_data, data_content, split_rows):
            kept.cache_clear()
        _read.clear()
        _read[spec] = stamp
    return load_data(spec)


def _stamp(spec: DataSpec) -> object:
    """Sizes and times of the files; of an image table, which may list any files, something that equals nothing."""
    if spec.image is not None:
        return object()
    places = [Path(str(place)) for place in (spec.name, spec.root, spec.unlabelled) if place is not None]
    files = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place])]
    return [(str(file), *_size_and_time(file)) for file in files]


def _size_and_time(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except (OSError, ValueError):
        return 0, 0  # a data set's name, or a file that the reader refuses
    return found.st_size, found.st_mtime_ns


@lru_cache(maxsize=2)
def data_content(spec: DataSpec) -> str:
    """The SHA-256 of what the data hold: every row in order, the tasks, the groups and the publisher's test rows."""
    dataset = load_data(spec)
    total = hashlib.sha256(b"".join(dataset.marks))
    names = {
        name: (type(task).__name__, task.width, tuple(getattr(task, "label_names", ())))
        for name, task in dataset.tasks.items()
    }
    total.update(repr((dataset.main, names, dataset.groups)).encode())
    total.update(dataset.official_test.numpy().tobytes())
    return total.hexdigest()


def grouped(dataset: Dataset) -> Dataset:
    """The same data with every refining task's classes numbered primary class by primary class.

    A hierarchy psi gives each primary class a run of neighbouring auxiliary classes; the publisher's numbers (often
    alphabetical) know nothing of that.
    """
    y, parents, tasks = dict(dataset.y), dict(dataset.parents), dict(dataset.tasks)
    for task, parent in dataset.parents.items():
        order = torch.argsort(parent, stable=True)
        number = torch.empty_like(order)
        number[order] = torch.arange(len(order))
        old = y[task]
        y[task] = torch.where(old >= 0, number[old.clamp(min=0)], old)
        parents[task] = parent[order]
        kind = tasks[task]
        if isinstance(kind, Classes):
            named = [kind.label_names[i] for i in order.tolist()]
            tasks[task] = Classes(task, kind.width, label_names=named)
    return replace(dataset, y=y, parents=parents, tasks=tasks) if parents else dataset


@lru_cache(maxsize=64)
def split_rows(spec: DataSpec, split: SplitSpec, seed: int, refit: bool) -> Splits:
    """The rows' roles for one seed, worked out once per process; with `refit`, the validation rows train too."""
    splits = make_splits(load_data(spec), seed=seed, **dict(split))
    return splits.with_validation_in_train() if refit and len(splits.validation) else splits


@dataclass(frozen=True)
class RunSpec:
    """Everything that determines one run.

    Attributes:
        data: Which data.
        split: How rows get their roles.
        method: Name of the method.
        attempt: The name of the try.
        phase: "tuning" or "final".
        settings: Every hyperparameter, flat.
        seed: Seed of splits, initial weights and batch order.
        metric: The user's, or None for the main task's default.
        refit: Whether the validation rows train too (final runs, whose settings are already chosen).
        device: "cpu", "cuda" ...
        folder: Where the run's files go.
        keep_weights: Whether the trained network is saved.
        content: The hash of the data's content.
    """

    data: DataSpec
    split: SplitSpec
    method: str
    attempt: str
    phase: Phase
    settings: Mapping[str, Setting]
    seed: int
    folder: str
    metric: str | None = None
    refit: bool = False
    device: str = "cpu"
    keep_weights: bool = False
    content: str = ""

    @property
    def identity(self) -> dict[str, object]:
        """Everything that the run's numbers depend on, and nothing of where or how fast it runs."""
        return {
            "content": self.content,
            "split": dict(self.split),
            "method": self.method,
            "phase": self.phase,
            "settings": dict(self.settings),
            "seed": self.seed,
            "metric": self.metric,
            "refit": self.refit,
            "options": self.data.options,
        }

    @property
    def digest(self) -> str:
        """The SHA-256 of the identity."""
        return digest_of(self.identity)
