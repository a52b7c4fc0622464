"""New rows of a column whose training rows had decimal commas, or per cent: the right numbers, or a refusal."""

from pathlib import Path

import pandas as pd
import pytest

from auxin.data import load
from auxin.data.encoders.contract import Encoder
from auxin.data.encoders.numbers import Numbers
from auxin.errors import DataError


@pytest.fixture
def encoder(tmp_path: Path) -> Encoder:
    """That of a German table."""
    rows = [f"{k},{k % 7}5;{'uv'[k % 2]}" for k in range(30)]
    (tmp_path / "german.csv").write_text("a;y\n" + "\n".join(rows))
    found = load(tmp_path / "german.csv", target="y").encoder
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a,b\n1.5,0\n12.125,0\n", [1.5, 12.125]),  # was 1.5 and 12125
        ('a,b\n"1,5",0\n1.234,0\n', [1.5, 1234.0]),
        ("a;b\n1.234;0\n", [1234.0]),
        ("a,b\n1234,0\n", [1234.0]),
    ],
)
def test_points_are_decimal_where_a_cell_or_the_file_decides(
    encoder: Encoder, tmp_path: Path, text: str, numbers: list[float]
) -> None:
    (tmp_path / "new.csv").write_text(text)
    x, _ = encoder.encode(tmp_path / "new.csv", lambda _: None)
    assert x[:, 0].tolist() == numbers  # type: ignore[index]


@pytest.mark.parametrize("cells", [["12.125"], ["1,5", "1.5"]])
def test_points_that_could_be_either_are_refused(encoder: Encoder, cells: list[str]) -> None:
    with pytest.raises(DataError, match=r"'1[\d.]+5'"):
        encoder.encode(pd.DataFrame({"a": cells}), lambda _: None)


def test_a_share_is_no_per_cent() -> None:
    column = Numbers("a", style="commas between thousands", unit="%")
    assert column.values(pd.Series(["15 %", "0"])).tolist() == [15.0, 0.0]
    with pytest.raises(DataError, match=r"the unit %.*0\.15"):
        column.values(pd.Series(["0", "0.15"]))
