"""Every way into auxin guesses the same kind from the same values: files, arrays and estimators' auxiliaries.

Many class indices are the exception: an `.npz` that a program wrote may hold them, a column of a table hardly does.
"""

import numpy as np
import pandas as pd
import pytest

from auxin.api._xy import auxiliary_tasks
from auxin.data import load

ROWS = 40
CASES = {
    "few whole numbers": np.arange(ROWS) % 3,
    "ten whole numbers": np.arange(ROWS) % 10,
    "eleven whole numbers": np.arange(ROWS) % 11 + 1,
    "whole floats": (np.arange(ROWS) % 4).astype(float),
    "whole floats with gaps": np.where(np.arange(ROWS) % 5 == 0, np.nan, np.arange(ROWS) % 4),
    "fractions": np.arange(ROWS) / 7,
    "words": np.array(["b", "a", "c", "a"] * 10),
    "yes and no": np.arange(ROWS) % 2 == 0,
    "codes": np.array(["01", "02", "10", "01"] * 10),
    "numbers in words": np.array(["1,5", "2,75", "3", "60"] * 10),
    "marks": np.array(["?", "1.5", "2.5", "3"] * 10),
    "lists": np.array(['["a"]', '["a", "b"]', "[]", '["b"]'] * 10),
}


@pytest.mark.parametrize("name", CASES)
def test_every_entrance_guesses_the_same(name, tmp_path):
    values = CASES[name]
    x = np.random.default_rng(0).normal(size=(ROWS, 2))
    frame = pd.DataFrame({"x0": x[:, 0], "x1": x[:, 1], "t": values})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    np.savez(tmp_path / "t.npz", x=x, t=values)
    loaded = [load(tmp_path / f"t{ending}", target="t") for ending in (".csv", ".parquet", ".npz")]
    found = [(data.tasks["t"], data.y["t"], data.notes[0]) for data in loaded]
    found += [
        (*auxiliary_tasks(given, ROWS).made["t"], found[0][2]) for given in ({"t": values}, frame[["t"]])
    ]
    task, y, said = found[0]
    for other, target, note in found[1:]:
        assert type(other) is type(task)
        assert names(other) == names(task)
        np.testing.assert_array_equal(target.numpy(), y.numpy())
        assert note.replace(".0", "") == said.replace(".0", "")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(ROWS) % 20, "Classes"),  # class indices: every number from 0 on occurs
        (np.where(np.arange(ROWS) % 20 == 7, -1, np.arange(ROWS) % 20), "Classes"),  # -1: no label
        (np.arange(ROWS) % 20 * 3, "Regression"),  # counts with gaps
        ((np.arange(ROWS) % 20).astype(float), "Regression"),
    ],
)
def test_class_indices_of_an_npz(values, kind, tmp_path):
    np.savez(tmp_path / "t.npz", x=np.zeros((ROWS, 2)), t=values)
    assert type(load(tmp_path / "t.npz", target="t").tasks["t"]).__name__ == kind


def names(task):
    """The classes; a CSV file writes whole floats as 1.0, and such names come back as they are written."""
    return [name.removesuffix(".0") for name in getattr(task, "label_names", ())]
