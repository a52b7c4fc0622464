"""Rows between two others, as oversampling (SMOTE) makes them: random folds would score what is nearly known."""

from typing import Any

import numpy as np
import pandas as pd

ROWS, MOST, NEAR = 300, 5000, 30
"""Rows that are looked at, rows among which, and the nearest rows of each."""
STRAIGHT = 1e-6
"""Two directions are opposite if their cosine is -1 within this; it leaves room for numbers of three decimals."""
SHARE = 0.05
"""A smaller share of rows between two others may be coincidence."""
WIDE = 20
"""Columns that suffice: what is straight in all is so in some."""
AXES, FLAT = 3, 1e-2
"""Directions in which rows must vary, of this share of the widest one: in fewer, rows lie on a line by themselves."""


def between(frame: Any, target: np.ndarray) -> float:
    """The share of labelled rows on a straight line between two near rows, their label between these labels too.

    Only columns of numbers without a gap count, of which half the values are different; 0 if they are too few.

    Args:
        frame: The inputs, a DataFrame.
        target: The main labels [N], NaN where missing.

    >>> draw = np.random.default_rng(0)
    >>> rows = draw.normal(size=(60, 4))
    >>> made = (rows[:30] + rows[30:]) / 2
    >>> between(pd.DataFrame(rows), np.zeros(60)), between(pd.DataFrame([*rows, *made]), np.zeros(90)) > 0.2
    (0.0, True)
    """
    draw = np.random.default_rng(0)
    known = np.flatnonzero(~np.isnan(target))
    known = known if len(known) <= MOST else draw.choice(known, MOST, replace=False)
    z, y = _varying(frame.iloc[known]), target[known]
    if z.shape[1] < AXES or len(z) < 2 * NEAR:
        return 0.0
    widths = np.linalg.svd(z, compute_uv=False)
    if (widths > FLAT * widths[0]).sum() < AXES:
        return 0.0
    chosen = draw.choice(len(z), min(ROWS, len(z)), replace=False)
    return float(np.mean([_is_between(z - z[row], y - y[row]) for row in chosen]))


def _varying(rows: Any) -> np.ndarray:
    """The standardised columns of numbers that count."""
    real = [kind == np.float64 for kind in rows.dtypes]
    x = rows.loc[:, real].to_numpy(float)
    x = x[:, np.isfinite(x).all(0)]
    x = x[:, [len(np.unique(column)) >= len(x) / 2 for column in x.T]][:, :WIDE]
    return (x - x.mean(0)) / np.maximum(x.std(0), 1e-300)


def _is_between(apart: np.ndarray, labels: np.ndarray) -> bool:
    """Whether two near rows lie in opposite directions; `apart` and `labels` are differences to the row."""
    square = np.einsum("np,np->n", apart, apart)
    others = np.flatnonzero(square > 0)
    near = others[np.argsort(square[others])[:NEAR]]
    towards = apart[near] / np.sqrt(square[near])[:, None]
    one, two = np.nonzero(towards @ towards.T < STRAIGHT - 1)
    return bool((labels[near[one]] * labels[near[two]] <= 0).any())


def between_note(frame: Any, target: np.ndarray) -> list[str]:
    """A sentence on such rows, where they are too many for coincidence."""
    if (
        any(isinstance(kind, pd.SparseDtype) for kind in frame.dtypes)
        or (share := between(frame, target)) < SHARE
    ):
        return []
    return [
        f"About {share:.0%} of the labelled rows lie exactly between two others of their label, as rows made by "
        "oversampling (SMOTE) do. Scores count rows that the model has nearly seen: leave the made rows out."
    ]
