"""From a file of rows to a file of predictions."""

import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from auxin import catalogue
from auxin.catalogue import HUB
from auxin.data import Dataset, load
from auxin.data.encoders.contract import Notify
from auxin.data.encoders.images import ImageFiles
from auxin.data.encoders.table import TableEncoder
from auxin.data.reading.frame import SUFFIXES, columns_of, is_file, read_frame
from auxin.data.reading.hub import read_hub
from auxin.data.reading.images import limited, look, pictures
from auxin.data.reading.masks import labelled_masks
from auxin.data.reading.npz import read_npz
from auxin.errors import ConfigError, DataError
from auxin.exported.labels import labels_of
from auxin.exported.model import Model, Predictions
from auxin.exported.stream import columns, joined, predict_table, streams
from auxin.store import write_bytes
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.multilabel import Multilabel
from auxin.typing import MISSING

ENDINGS = (".csv", ".parquet", ".npz")


def write_predictions(
    model: Model,
    source: str,
    out: Path,
    keep: Sequence[str] = (),
    notify: Notify = print,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Predict every row of `source` and write them to `out`, whole or not at all.

    Args:
        model: whose predictions.
        source: A path, `hub:OWNER/NAME`, or the name of a known data set.
        out: A .csv, .parquet or .npz file.
        keep: Columns of a table to carry over.
        notify: Function that receives a sentence about every decision.
        options: Options of a known data set, as `auxin.data.load` takes them: its `root`, its `level`.

    Returns:
        What was done: rows, task, method, metric, and the score over the rows that carry labels (None: there are none).

    Raises:
        DataError, ConfigError: Rows that do not fit the model, or a kind of file that is not written.
    """
    if out.suffix not in ENDINGS:
        raise ConfigError(
            "The file format of the predictions is not recognised",
            expected=" or ".join(ENDINGS),
            found=repr(out.name),
        )
    if model.task.dense and out.suffix != ".npz":
        raise ConfigError(
            "Predictions for every pixel do not fit in a table", expected="an .npz file", do="--out FILE.npz"
        )
    known = source in catalogue.names("data") and not Path(source).exists()
    dataset = _known(source, options or {}, known)
    if dataset is None and streams(model.encoder, source, out):
        return _summary(model, out, *_streamed(model, Path(source), out, keep, notify))
    frame = _table(model, source, keep) if dataset is None else None
    rows: Any = frame if source.startswith(HUB) else source
    x = model.inputs(rows, notify) if dataset is None else dataset.x
    found = model.predict(x, notify)
    write_bytes(out, _content(model, found, _identity(model, source, frame, keep, len(x)), out.suffix))
    labels = _labels(model, rows, frame, len(x), notify) if dataset is None else _of_dataset(model, dataset)
    return _summary(model, out, len(x), found.outputs, labels)


def _streamed(
    model: Model, path: Path, out: Path, keep: Sequence[str], notify: Notify
) -> tuple[int, Tensor | None, Tensor | None]:
    """Predict a table some rows at a time: how many there are, and their outputs and labels, where they have labels."""
    encoder: Any = model.encoder
    scored = model.task.name in columns_of(path, encoding=encoder.encoding)[0]
    outputs = []

    def predict(frame: pd.DataFrame, tally: Notify) -> dict[str, Any]:
        x, blank = encoder.encode_frame(frame, tally)
        found = model.predict(x if blank is None else x.masked_fill(blank, torch.nan), tally)
        if scored:
            outputs.append(found.outputs.float())
        return _columns(model, found)

    rows, cells = predict_table(encoder, path, out, keep, model.task.name, predict, notify)
    return (rows, torch.cat(outputs), _labels_of(model, cells, notify)) if scored else (rows, None, None)


def _summary(
    model: Model, out: Path, rows: int, outputs: Tensor | None, labels: Tensor | None
) -> dict[str, Any]:
    """What `write_predictions` returns."""
    present = None if labels is None else model.task.present(labels)
    some = present is not None and bool(present.any())
    record = model.training
    return {
        "rows": rows,
        "task": model.task.name,
        "method": record.method,
        "metric": record.metric,
        "labelled": int(present.sum()) if present is not None else 0,
        "score": model.task.score(outputs, labels, record.metric)
        if some and labels is not None and outputs is not None
        else None,
        "file": str(out),
    }


def _known(source: str, options: Mapping[str, Any], known: bool) -> Dataset | None:
    """The known data set of that name; None where the rows are in a file."""
    if known:
        return load(source, **options)
    if said := [name for name, value in options.items() if value is not None]:
        wrong = f"--{said[0]} is for data sets that auxin knows by name"
        raise ConfigError(wrong, expected="such as cifar100", found=source, do=f"Leave --{said[0]} out")
    return None


def _of_dataset(model: Model, dataset: Dataset) -> Tensor | None:
    """A known data set's labels as the model numbers them; a label that it does not know counts as missing."""
    name = model.task.name
    if name not in dataset.y or type(dataset.tasks[name]) is not type(model.task):
        return None
    names = list(getattr(dataset.tasks[name], "label_names", ()))
    if names == model.labels:
        return dataset.y[name]
    place = {label: number for number, label in enumerate(model.labels)}
    numbers = torch.tensor([*(place.get(label, MISSING) for label in names), MISSING])
    return numbers[dataset.y[name]]  # -1, a missing label, takes the last


def _table(model: Model, source: str, keep: Sequence[str]) -> pd.DataFrame | None:
    if source.startswith(HUB):
        table = read_hub(source.removeprefix(HUB))
        return table.frame.assign(split=table.splits)
    path, encoding = Path(source), getattr(model.encoder, "encoding", "utf-8")
    if not is_file(path) or not path.name.lower().endswith(SUFFIXES):
        return None
    own = model.encoder.written if isinstance(model.encoder, TableEncoder) else []
    # Carried over as they are written.
    return read_frame(path, encoding, [*keep, *_target_columns(model), *own])


def _target_columns(model: Model) -> list[str]:
    """The columns that may hold the main task's labels."""
    labels = list(model.labels) if isinstance(model.task, Multilabel) else []
    return [model.task.name, *labels]


def _identity(
    model: Model, source: str, frame: pd.DataFrame | None, keep: Sequence[str], rows: int
) -> dict[str, Any]:
    """What tells the rows apart: their numbers, the images' files, and the columns that are carried over."""
    found: dict[str, Any] = {"row": np.arange(rows)}
    if isinstance(model.encoder, ImageFiles) and Path(source).exists():
        base = Path(source) if Path(source).is_dir() else Path(source).parent
        found["file"] = [os.path.relpath(str(file), base) for file in model.encoder.files(source)]
    carried: dict[str, Any] = {}
    for name in keep:
        if frame is None or name not in frame.columns:
            there = ", ".join(map(str, frame.columns)) if frame is not None else "no table"
            raise DataError(f"{source} has no column {name!r} to carry over", found=there)
        carried[name] = frame[name].to_numpy()
    return joined(found, carried)


def _content(model: Model, found: Predictions, identity: dict[str, Any], kind: str) -> bytes:
    if kind == ".npz":
        arrays = {"prediction": found.values.numpy()}
        if found.probabilities is not None:
            arrays["probabilities"] = found.probabilities.numpy()
        text = {name: np.asarray(values, dtype=str) for name, values in identity.items() if name != "row"}
        return _archive(joined({"row": identity["row"]}, text, arrays))
    frame = pd.DataFrame(joined(identity, _columns(model, found)))
    if kind == ".csv":
        return frame.to_csv(index=False).encode()
    sink = io.BytesIO()
    frame.to_parquet(sink, index=False)
    return sink.getvalue()


def _columns(model: Model, found: Predictions) -> dict[str, Any]:
    chances = None if found.probabilities is None else found.probabilities.numpy()
    return columns(found.values.numpy(), chances, model.labels)


def _archive(arrays: Mapping[str, np.ndarray]) -> bytes:
    """An .npz file. NumPy's own writer takes no array called `file`, which is what images' paths are called."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.ascontiguousarray(values), allow_pickle=False)
    return sink.getvalue()


def _labels(
    model: Model, source: Any, frame: pd.DataFrame | None, rows: int, notify: Notify
) -> Tensor | None:
    """The main task's labels, where the rows carry them under its name; None where they do not."""
    name = model.task.name
    if frame is not None and name in frame.columns:
        if model.task.dense:
            return _masks(model, source, frame[name])
        return _labels_of(model, frame[name], notify)
    if not isinstance(source, str):
        return None
    path = Path(source)
    if path.suffix == ".npz" and path.is_file():
        values = read_npz(path).get(name)
        return (
            _labels_of(model, pd.Series(values, name=name), notify)
            if values is not None and values.shape == (rows,)
            else None
        )
    return _folders(model, path, notify)


def _labels_of(model: Model, column: Any, notify: Notify) -> Tensor | None:
    return labels_of(model.task, column, notify, None if model.encoder is None else model.encoder.labels)


def _folders(model: Model, path: Path, notify: Notify) -> Tensor | None:
    """The labels of images in folders that are called as the classes."""
    if not isinstance(model.encoder, ImageFiles) or not path.is_dir():
        return None
    parts = [Path(str(file)).relative_to(path).parts for file in model.encoder.files(str(path))]
    said = [part[0] if len(part) > 1 else None for part in parts]
    if not any(said):
        return None
    return _labels_of(model, pd.Series(said, dtype="str", name=model.task.name), notify)


def _masks(model: Model, source: Any, cells: Any) -> Tensor | None:
    """The classes of the pixels of mask files that a table of images lists."""
    if not isinstance(model.task, DenseClasses) or not isinstance(model.encoder, ImageFiles):
        return None
    paths = pictures(cells, Path(source).parent if isinstance(source, str) else Path())
    _, height, width = model.encoder.shape
    with limited(model.encoder.max_pixels):
        sizes = [one.size for one in look(model.encoder.files(source))]
        return labelled_masks(model.labels, paths, sizes, (width, height))
