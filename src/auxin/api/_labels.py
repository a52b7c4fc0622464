"""scikit-learn's y: what is a label, and what is missing."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.utils import _safe_indexing
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d
from torch import Tensor

from auxin.data.reading.marks import MARKS
from auxin.data.targets.single import single
from auxin.errors import DataError
from auxin.typing import MISSING


def blank(y: np.ndarray) -> np.ndarray:
    """Which labels are missing: NaN, None, and text of blanks alone, as an empty cell of a table.

    >>> blank(np.array(["a", "", None, float("nan"), " "], dtype=object)).tolist()
    [False, True, True, True, True]
    """
    missing = np.asarray(pd.isna(y))
    return missing | _empty(y) if y.dtype.kind in "OUST" else missing


def _empty(y: np.ndarray) -> np.ndarray:
    return np.array([isinstance(label, str) and not label.strip() for label in y.tolist()], dtype=bool)


def label_notes(y: Any) -> list[str]:
    """Sentences on empty text, which counts as missing, and on labels that would be missing in a file."""
    column = column_of(y)
    if column.dtype.kind not in "OUST":
        return []
    empty = int(_empty(column).sum())
    notes = [f"{empty:,} labels of y are empty text, which counts as missing."] if empty else []
    words = [label.strip() for label in column.tolist() if isinstance(label, str)]
    marks = {word: words.count(word) for word in sorted(MARKS & {*words} - {""})}
    if marks:
        shown = ", ".join(f"{mark!r} ({count:,} rows)" for mark, count in marks.items())
        notes.append(
            f"y has the classes {shown}, which stand for a missing label in a file. If they do here, replace them with "
            "None."
        )
    return notes


def classes_of(y: Any) -> tuple[np.ndarray, Tensor]:
    """The classes, sorted, and each row's number, -1 where y is NaN, None or empty text."""
    column = column_of(y)
    missing = blank(column)
    known = column[~missing]
    if not len(known):
        raise _nothing()
    if known.dtype.kind == "f" and np.isinf(known).any():
        raise DataError("Input y contains infinity or a value too large for dtype('float64').")
    if known.dtype == object and not all(isinstance(value, str) for value in known):
        made = np.array(known.tolist())
        if made.dtype.kind in "US":  # NumPy makes words of the numbers, which would be other labels
            raise DataError(
                "Input y mixes words and other labels",
                expected="labels of one type",
                found=", ".join(sorted({type(value).__name__ for value in known})),
                do="Convert it, as by astype(str)",
            )
        known = made
    check_classification_targets(known)
    classes, numbers = np.unique(known, return_inverse=True)
    target = torch.full((len(column),), MISSING, dtype=torch.int64)
    target[torch.from_numpy(~missing)] = torch.from_numpy(numbers.astype(np.int64))
    if len(classes) < 2:
        raise DataError(
            "A classifier needs at least two classes", found=f"one class, {classes.tolist()[0]!r}"
        )
    return classes, target


def numbers_of(y: Any) -> Tensor:
    """y as float32, NaN where it is NaN, None or empty text."""
    column = column_of(y)
    try:
        values = np.where(blank(column), np.nan, column).astype(np.float64)
    except (TypeError, ValueError) as error:
        first = repr(column[0].item() if isinstance(column[0], np.generic) else column[0])
        raise DataError(
            "Input y is not numbers",
            expected="numbers, NaN or None where missing",
            found=f"{column.dtype}, such as {first[:80]}",
            do="Convert it, as by astype(float)",
        ) from error
    if np.isnan(values).all():
        raise _nothing()
    if not (np.isnan(values) | (np.abs(values) <= np.finfo(np.float32).max)).all():
        raise DataError("Input y contains infinity or a value too large for dtype('float32').")
    return torch.from_numpy(single("y", values))


def _nothing() -> DataError:
    return DataError("Input y contains NaN and nothing else", expected="labels on some rows")


def column_of(y: Any) -> np.ndarray:
    """y as one column [N]."""
    if y is None:
        raise DataError("This estimator requires y to be passed, but the target y is None.")
    if isinstance(y, np.ma.MaskedArray):  # NumPy's own functions, and scikit-learn's, drop the mask
        hidden, known = np.ma.getmaskarray(y), np.ma.getdata(y)
        y = known.astype(object) if hidden.any() else known
        y[hidden] = None
    kind: Any = getattr(y, "dtype", None)
    if isinstance(kind, pd.SparseDtype):
        y, kind = np.asarray(y), None
    if pd.api.types.is_extension_array_dtype(kind) and kind.kind in "biu":
        # Nullable whole numbers and truth stay what they are; scikit-learn would make floats of them.
        return (
            y.to_numpy(dtype=object, na_value=None) if y.isna().any() else y.to_numpy(dtype=kind.numpy_dtype)
        )
    return column_or_1d(y, warn=True)


class LabelledScore:
    """A score over the rows whose y is not missing, in place of scikit-learn's own."""

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """scikit-learn's score (accuracy, or R²) over the rows whose y is not missing.

        So `cross_val_score` and `GridSearchCV` work where labels are missing; give them `cv=KFold(...)`, since their
        default stratifies by y and takes no missing labels.
        """
        known = ~blank(column_or_1d(y))
        if known.all():
            return super().score(X, y, sample_weight)  # type: ignore[misc]
        weight = None if sample_weight is None else np.asarray(sample_weight)[known]
        labels = np.array(column_or_1d(y)[known].tolist())  # words among None are objects
        rows = _safe_indexing(X, np.flatnonzero(known))
        return super().score(rows, labels, weight)  # type: ignore[misc]
