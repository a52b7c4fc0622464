"""What a trained network said about the test rows: kept beside its result, read without torch.

Enough to compute the metric again with any weights of the rows (`auxin.judging.weighted`), to draw a
confusion matrix, and to hold true values against predicted ones.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from auxin.errors import RunError
from auxin.store import write_bytes

Kind = Literal["classes", "attributes", "numbers", "class_maps", "number_maps"]
Array = NDArray[np.float64] | NDArray[np.int64]
_none = partial(np.zeros, 0)


@dataclass(frozen=True, eq=False)
class MainPredictions:
    """The main task's predictions on N rows, in the rows' order.

    Attributes:
        kind: What the main task predicts.
        true: The labels: class numbers [N]; attributes or numbers [N, D], NaN where missing; of maps, per image
            and class the labelled pixels [N, C]; of maps of numbers, the moments [N, D, 5] (see `predicted`).
        predicted: The same as predicted: class numbers [N]; attributes' logits or numbers [N, D]; pixels per class
            [N, C]; for maps of numbers empty, as `true` holds per image the count of pixels and the sums of
            |e|, e^2, y and y^2, e the error and y the target.
        right: Pixels predicted right, per image and class [N, C]; empty for other kinds.
        table: How often class i (row) was predicted as class j, over all rows [C, C]; empty for numbers.
        scores: Each class's probability [N, C], where the metric ranks by it; else empty.
        names: The classes' names, or the attributes'.
    """

    kind: Kind
    true: Array
    predicted: Array = field(default_factory=_none)
    right: Array = field(default_factory=_none)
    table: Array = field(default_factory=_none)
    scores: Array = field(default_factory=_none)
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.true)


PARTS = {"true": "true", "predicted": "said", "right": "right", "table": "table", "scores": "scores"}
"""The name of each part in the file."""


def write_predictions(file: Path, found: MainPredictions) -> None:
    """Write them whole or not at all, compressed."""
    arrays = {name: getattr(found, part) for part, name in PARTS.items()}
    write_arrays(file, arrays, kind=found.kind, names=found.names)


def read_predictions(file: Path) -> MainPredictions | None:
    """Read them back; None where there are none (an older run, or one that diverged).

    Raises:
        RunError: The file is damaged.
    """
    arrays = read_arrays(file)
    if arrays is None:
        return None
    kind = str(arrays.get("kind", ""))
    if kind not in get_args(Kind) or not set(PARTS.values()) <= set(arrays):
        raise _damaged(file, "something else")
    names = tuple(str(name) for name in arrays["names"].tolist())
    return MainPredictions(kind, **{part: arrays[name] for part, name in PARTS.items()}, names=names)  # type: ignore[arg-type]


def write_arrays(file: Path, arrays: Mapping[str, Any], **words: object) -> None:
    """Arrays and words by name as one compressed file, whole or not at all."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays, **{name: np.asarray(value) for name, value in words.items()})  # type: ignore[arg-type]
    write_bytes(file, buffer.getvalue())


def read_arrays(file: Path) -> dict[str, NDArray] | None:
    """The arrays of such a file; None where there is none.

    Raises:
        RunError: The file is damaged.
    """
    if not file.exists():
        return None
    try:
        with np.load(file, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
        raise _damaged(file, str(error)) from error


def _damaged(file: Path, found: str) -> RunError:
    wrong, do = f"The result file {file} is not usable", "Remove the run's folder and run again"
    return RunError(wrong, expected="arrays as auxin writes them", found=found, do=do)
