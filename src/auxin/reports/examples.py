"""Example inputs per learned auxiliary class (as MAXL's figure 6): images, or typical rows of a table."""

import base64
import io
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from auxin.reports import evidence
from auxin.reports.read import Results

ROWS = 2
"""Typical rows of a table per auxiliary class."""


@dataclass(frozen=True)
class AuxiliaryClass:
    """The rows that one auxiliary class claims most.

    Attributes:
        number: The auxiliary class, counted from 1 within its primary class.
        images: As data URLs, strongest first; empty for tables.
        rows: The cells of typical rows; empty for images.
        strengths: The label's probability for each.
    """

    number: int
    images: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    strengths: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PrimaryClass:
    """One primary class and its auxiliary classes."""

    name: str
    classes: list[AuxiliaryClass]


@dataclass(frozen=True)
class MethodExamples:
    """The examples of one method.

    Attributes:
        method: whose labels.
        columns: The table's columns; empty for images.
        primary: some primary classes.
    """

    method: str
    columns: list[str]
    primary: list[PrimaryClass]


def examples(results: Results) -> MethodExamples | None:
    """The examples of the best method on trial that has any, or None."""
    trial = [row.method for row in results.comparison.rows if row.role == "method"]
    order = [*(m for m in evidence.pictured(results) if m in trial), *trial]
    for method in dict.fromkeys(order):
        arrays = evidence.arrays_of(results, method, evidence.EXAMPLES)
        if arrays is not None:
            return _of(method, arrays)
    return None


def _of(method: str, arrays: dict[str, NDArray]) -> MethodExamples:
    main, auxiliary = arrays["main"], arrays["auxiliary"]
    names = evidence.names_of(arrays, int(main.max()) + 1)
    primary = []
    for label in np.unique(main):
        subs = np.unique(auxiliary[main == label])
        classes = [
            _auxiliary(number, (main == label) & (auxiliary == sub), arrays)
            for number, sub in enumerate(subs, start=1)
        ]
        primary.append(PrimaryClass(names[int(label)], classes))
    inputs = arrays["inputs"]
    columns = [str(name) for name in arrays.get("columns", np.zeros(0)).tolist()]
    plain = [f"input {number + 1}" for number in range(inputs.shape[1])] if inputs.ndim == 2 else []
    return MethodExamples(method, columns or plain, primary)


def _auxiliary(number: int, chosen: NDArray, arrays: dict[str, NDArray]) -> AuxiliaryClass:
    chosen = chosen & ~arrays["empty"]
    inputs, strength = arrays["inputs"][chosen], [f"{value:.2f}" for value in arrays["strength"][chosen]]
    if inputs.ndim > 2:
        return AuxiliaryClass(number, images=[_url(image) for image in inputs], strengths=strength)
    numbers = np.issubdtype(inputs.dtype, np.number)
    rows = [[f"{cell:.3g}" if numbers else str(cell) for cell in row] for row in inputs[:ROWS]]
    return AuxiliaryClass(number, rows=rows, strengths=strength[:ROWS])


def _url(image: NDArray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(image, np.uint8)).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
