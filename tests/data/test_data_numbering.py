"""A target that numbers the rows is noted; other numbers are not."""

import numpy as np
import pandas as pd
import pytest

from auxin.data import load

COUNT = np.arange(1, 61)
SHUFFLED = np.random.default_rng(0).permutation(COUNT) + 1000


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (COUNT, "each whole number from 1 to 60 once, in the rows' order."),
        (SHUFFLED, "each whole number from 1001 to 1060 once. If it only numbers the rows"),
        (np.where(COUNT > 50, np.nan, COUNT), "from 1 to 50 once, in the rows' order."),
        (2 * COUNT, ""),
        (COUNT + 0.5, ""),
        (np.where(COUNT == 60, 59, COUNT), ""),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_a_target_that_numbers_the_rows_is_noted(tmp_path, suffix, target, words):
    path, draws = tmp_path / f"t{suffix}", np.random.default_rng(1).normal(size=(60, 2))
    if suffix == ".npz":
        np.savez(path, x=draws, y=target)
    else:
        pd.DataFrame({"a": draws[:, 0], "b": draws[:, 1], "y": target}).to_csv(path, index=False)
    notes = [note for note in load(path, target="y").notes if "each whole number" in note]
    assert len(notes) == bool(words)
    assert all(words in note for note in notes)


@pytest.mark.parametrize(("outlier", "said"), [(1e7, 1), (40.0, 1), (5.0, 0)])
def test_a_target_of_which_one_row_holds_the_variance_is_noted(tmp_path, outlier, said):
    draw = np.random.default_rng(0)
    table = pd.DataFrame(draw.normal(size=(60, 3)), columns=["a", "b", "y"])
    table.loc[7, "y"] = outlier
    table.to_csv(tmp_path / "t.csv", index=False)
    notes = load(tmp_path / "t.csv", target="y").notes
    assert sum(f"One row ({outlier:g}) holds" in note for note in notes) == said
