"""What the runs of a comparison left for its pictures: predictions, features, examples of generated labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auxin.records.results import Row
from auxin.reports.read import Results
from auxin.runs.predictions import MainPredictions, read_arrays, read_predictions

PREDICTIONS, FEATURES, EXAMPLES = "predictions.npz", "features.npz", "examples.npz"

_RANK = {"helps": 0, "no evidence": 1, "no evidence (one seed)": 1, "hurts": 2}


def pictured(results: Results) -> list[str]:
    """The methods that are shown in pictures of single runs: single, the best on trial, and its untrained twin."""
    rows = results.comparison.rows
    trial = sorted(
        (row for row in rows if row.role == "method"),
        key=lambda row: (_RANK.get(row.verdict, 1), -row.mean),
    )
    best: Sequence[Row] = trial[:1] or sorted(
        (row for row in rows if row.role == "control"), key=lambda row: -row.mean
    )
    chosen = [row.method for row in rows if row.role == "single"] + [row.method for row in best[:1]]
    twins = [row.versus_twin.reference for row in best[:1] if row.versus_twin]
    return list(dict.fromkeys([*chosen, *twins]))


def predictions(results: Results, method: str) -> list[MainPredictions]:
    """The predictions of a method's runs, by seed, those that are there."""
    return [
        p for place in _places(results, method) if (p := read_predictions(place / PREDICTIONS)) is not None
    ]


def arrays_of(results: Results, method: str, name: str) -> dict[str, NDArray] | None:
    """The arrays in the file `name` of a method's first run that has one.

    `FEATURES`: `features` [N, D], `labels` [N], `names`; `EXAMPLES`: examples of generated labels.
    """
    found = (read_arrays(place / name) for place in _places(results, method))
    return next((arrays for arrays in found if arrays is not None), None)


def _places(results: Results, method: str) -> list[Path]:
    return [place for (name, _), place in sorted(results.places.items()) if name == method]


def short(name: object, length: int = 14) -> str:
    """A name that fits beside a figure."""
    text = str(name)
    return text if len(text) <= length else text[: length - 1] + "…"


def names_of(arrays: dict[str, NDArray], count: int) -> list[str]:
    """The classes' names, their numbers where there are none."""
    given = [short(name) for name in arrays.get("names", np.zeros(0)).tolist()]
    return given if len(given) >= count else [str(number) for number in range(count)]
