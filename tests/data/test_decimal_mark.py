"""Whether 1,234 and 1.234 are a thousand: the file's other cells decide."""

import numpy as np
import pandas as pd
import pytest

from auxin.data import load
from auxin.data.reading.decimal_mark import maybe_thousands, seen

ROWS = 40
FRACTIONS = np.random.default_rng(0).normal(size=ROWS).round(3)
MONEY = np.arange(ROWS) * 97 + 300  # 300 to 4,083


def table(tmp_path, mark, between, separator=";"):
    """A file with `mark` before fractions, and a column `m` of whole numbers with `between` between thousands."""
    rows = [
        separator.join(
            [
                f"{x:.3f}".replace(".", mark),
                f"{m:,}".replace(",", between),
                "hi" if x > 0 else "lo",
                "uv"[m % 2],
            ]
        )
        for x, m in zip(FRACTIONS, MONEY.tolist(), strict=True)
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join([separator.join(["a", "m", "y", "c"]), *rows]) + "\n")
    return path


@pytest.mark.parametrize(("mark", "between"), [(",", "."), (".", ",")])
def test_the_files_fractions_decide_between_thousands_and_fractions(mark, between, tmp_path):
    path = table(tmp_path, mark, between)
    data = load(path, target="y")
    place = [column.name for column in data.encoder.columns].index("m")
    assert data.x[:, place].tolist() == MONEY.tolist()  # was 300 and 1.27
    assert load(path, target="m").y["m"].tolist() == MONEY.tolist()
    how = "decimal commas" if mark == "," else "commas between thousands"
    assert any(f"Read as numbers with {how}: m (" in note for note in data.notes)
    new = data.encoder.encode(path, lambda _: None)[0]
    assert new[:, place].tolist() == MONEY.tolist()


def test_marks_of_missing_cells_stand_among_numbers_of_any_style(tmp_path):
    cells = [*(f"{m:,}" for m in MONEY[:-3].tolist()), "-", "n.a.", ""]
    frame = pd.DataFrame({"m": cells, "a": FRACTIONS, "y": np.where(FRACTIONS > 0, "hi", "lo")})
    frame.to_csv(tmp_path / "t.csv", index=False)
    data = load(tmp_path / "t.csv", target="y")
    assert data.x[:, 0].tolist() == [*MONEY[:-3].tolist(), 0, 0, 0]
    assert data.blank is not None
    assert data.blank[:, 0].sum() == 3


def test_what_is_seen():
    assert seen(pd.DataFrame({"m": ["1,234", "2,345"]})) == ""
    assert seen(pd.DataFrame({"m": ["1.234,50"]})) == ","
    assert seen(pd.DataFrame({"m": ["1,234.50"]})) == "."
    assert seen(pd.DataFrame({"m": ["1,5"], "a": [0.5]})) == ""  # both
    assert maybe_thousands(
        pd.DataFrame({"m": [1.234, 812], "a": [0.5, 812], "b": [1.2345, 1], "c": [1.0, 2.0]})
    ) == ["m"]
