"""A user's own arrays in one `.npz` file: images or vectors, a target, and any auxiliary targets."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import torch
from torch import Tensor

from auxin.data.base import Dataset, DataSource
from auxin.data.encoders.arrays import Arrays, input_name
from auxin.data.reading.columnar import read_memory
from auxin.data.reading.files import pick
from auxin.data.reading.npz import read_npz
from auxin.data.targets.arrays import array_target
from auxin.data.targets.columns import form_of_labels, kinds_note
from auxin.data.targets.domains import DomainColumn, by_domain
from auxin.data.targets.refinements import refinements
from auxin.data.targets.single import blurred_inputs, blurred_note
from auxin.data.targets.specs import TargetSpec, parse_specs
from auxin.errors import ConfigError, DataError
from auxin.typing import MISSING


class Npz(DataSource):
    """Any `.npz` file of plain arrays (nothing in it is run).

    Inputs: images [N, H, W], [N, H, W, C] or [N, C, H, W] with C at most 4 (the last axis is taken as
    channels where both could be), uint8 or float; or vectors [N, D] of any numbers.

    Targets [N]: whole numbers, booleans or text are classes, numbered in their sorted order; fractional
    numbers are regression; -1, NaN and empty text are missing. An auxiliary task of classes that each lie in
    one main class refines the main task. [N, D]: zeros and ones are attributes, fractional numbers a vector.
    [N, H, W]: whole numbers are a class for every pixel, fractional numbers a number; 255 means no label,
    unless 0 and 255 are all there is.

    Options:
        target: The array of the main task; "y" where not given.
        aux: The arrays of the auxiliary tasks, a list or separated by commas; NAME=A|B of several arrays.
        kinds: Types of targets, "NAME=KIND", separated by commas.
        missing: Values that stand for a missing label, "NAME=VALUE", separated by commas.
        inputs: The array of the inputs; else the one called x, X, images, inputs or data.
        test: An array of booleans [N] that marks the official test rows, if there is one.
        group: An array [N] whose equal values never fall on both sides of a split.
        domain: ARRAY=VALUE, the array of each row's source and the source that counts: the main task has the labels
            of its rows, and those of every other source are a task with the same output.
        unlabelled: another such file, of rows without a main label: they train the auxiliaries only.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".npz",)

    @classmethod
    def load(
        cls,
        root: Path | None,
        *,
        target: str = "y",
        aux: str | Sequence[str] = (),
        kinds: str | Sequence[str] = "",
        missing: str | Sequence[str] = "",
        inputs: str | None = None,
        test: str | None = None,
        group: str | None = None,
        domain: str | None = None,
        unlabelled: str | Path | None = None,
    ) -> Dataset:
        """Read the file `root`."""
        if root is None:
            raise ConfigError("Which .npz file is to be read", expected="--root FILE.npz, or its path")
        arrays = read_npz(root)
        x, coarse = _inputs(arrays, inputs), blurred_inputs(pick(arrays, inputs or input_name(arrays)))
        specs = parse_specs(list(arrays), target, aux, kinds, missing)
        official, groups = _test_rows(arrays, test, len(x)), _groups(arrays, group, len(x))
        domains = DomainColumn.parse(domain)
        cells = [v[1:] for v in _groups(arrays, domains and domains.name, len(x)) or ()]
        encoder = Arrays.like(x, inputs)
        if unlabelled is not None:
            more, _ = encoder.encode(Path(unlabelled))
            x = torch.cat([x, cast(torch.Tensor, more)])  # an array is never sparse
            arrays = _longer(arrays, read_npz(Path(unlabelled)), specs, len(more))
            official = torch.cat([official, torch.zeros(len(more), dtype=torch.bool)])
            groups = None if groups is None else (*groups, *[""] * len(more))
            cells += [""] * len(more)
        made = {spec.name: array_target(spec, _values(arrays, spec), len(x)) for spec in specs}
        tasks, y = {n: m[0] for n, m in made.items()}, {n: m[1] for n, m in made.items()}
        split = by_domain(tasks, y, specs[0].name, domains, cells)
        values = _values(arrays, specs[0])
        if values.ndim == 1:
            encoder.labels = form_of_labels(read_memory(dict.fromkeys(specs[0].columns, values)), specs[0])
        return Dataset(
            name=root.stem,
            x=x,
            tasks=split.tasks,
            y=split.y,
            main=specs[0].name,
            official_test=official,
            groups=groups,
            parents=refinements(tasks, y, specs[0].name),
            domains=split.names,
            source=root.name,
            encoder=encoder,
            notes=(
                kinds_note(tasks, [spec.name for spec in specs if spec.kind]),
                *(note for m in made.values() for note in m[2]),
                *split.notes,
                *blurred_note(coarse),
            ),
        )


def _longer(
    arrays: dict[str, np.ndarray], more: dict[str, np.ndarray], specs: Sequence[TargetSpec], rows: int
) -> dict[str, np.ndarray]:
    """The targets' arrays with those of another file below them; main labels, and what it lacks, are missing."""
    found = dict(arrays)
    for spec in specs:
        for name in spec.columns:
            own = arrays[name].astype(np.int64) if arrays[name].dtype.kind in "biu" else arrays[name]
            blank = np.full(
                (rows, *own.shape[1:]), {"i": MISSING, "f": np.nan}.get(own.dtype.kind, ""), own.dtype
            )
            taken = more.get(name, blank) if spec is not specs[0] else blank
            found[name] = np.concatenate([own, taken if taken.shape == blank.shape else blank])
    return found


def _values(arrays: dict[str, np.ndarray], spec: TargetSpec) -> np.ndarray:
    if len(spec.columns) == 1:
        return arrays[spec.columns[0]]
    columns = [arrays[name] for name in spec.columns]
    if len({values.shape for values in columns}) > 1 or columns[0].ndim != 1:
        raise DataError(
            f"The arrays of the target {spec.name!r} do not go together",
            expected="one number per row each",
            found=", ".join(f"{name} {list(arrays[name].shape)}" for name in spec.columns),
        )
    return np.stack(columns, 1)


def _groups(arrays: dict[str, np.ndarray], name: str | None, rows: int) -> tuple[str, ...] | None:
    if name is None:
        return None
    values = pick(arrays, name)
    if values.shape != (rows,):
        raise DataError(
            f"The array {name!r} does not give each row its group",
            expected=f"{rows} values",
            found=f"{values.dtype} {list(values.shape)}",
        )
    return tuple(f"={value}" for value in values.tolist())


def _inputs(arrays: dict[str, np.ndarray], name: str | None) -> Tensor:
    """The inputs as a data set holds them."""
    name = name or input_name(arrays)
    values = pick(arrays, name)
    if values.dtype.kind not in "biuf" or values.ndim not in (2, 3, 4):
        raise DataError(
            f"The inputs {name!r} are not usable",
            expected="numbers: images [N, H, W] or [N, H, W, C], or vectors [N, D]",
            found=f"{values.dtype} {list(values.shape)}",
        )
    if values.ndim == 2 or values.dtype != np.uint8:
        with np.errstate(over="ignore"):  # what does not fit becomes infinite, which a data set refuses
            values = values.astype(np.float32)
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor if tensor.dim() == 2 else _channels_first(tensor)


def _channels_first(images: Tensor) -> Tensor:
    if images.dim() == 3:
        return images.unsqueeze(1)
    if images.shape[3] <= 4:
        return images.permute(0, 3, 1, 2).contiguous()
    if images.shape[1] <= 4:
        return images
    raise DataError(
        "Which axis of the images holds the colours is ambiguous",
        expected="[N, H, W, C] or [N, C, H, W] with C at most 4",
        found=f"shape {list(images.shape)}",
    )


def _test_rows(arrays: dict[str, np.ndarray], name: str | None, rows: int) -> Tensor:
    if name is None:
        return torch.zeros(rows, dtype=torch.bool)
    values = pick(arrays, name)
    if values.shape != (rows,) or values.dtype.kind not in "biu" or not np.isin(values, (0, 1)).all():
        raise DataError(
            f"The array {name!r} does not mark test rows",
            expected=f"{rows} booleans",
            found=f"{values.dtype} {list(values.shape)}",
        )
    return torch.from_numpy(values.astype(bool))
