"""Forms of cells that lie beside the usual ones: right values, or a refusal that names the cell."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auxin.data import load
from auxin.data.encoders.restore import restore
from auxin.data.reading.columnar import frame_of
from auxin.data.reading.frame import read_frame
from auxin.data.reading.marks import STYLES, number_of
from auxin.errors import DataError
from auxin.tasks.vector import Vector

ROWS = 60
A = np.random.default_rng(0).normal(size=ROWS).round(3)


def text(tmp_path, cells, separator=",", name="t.csv", above=""):
    lines = [
        separator.join([f"{x:.3f}", cells[k % len(cells)], "hi" if x > 0 else "lo"]) for k, x in enumerate(A)
    ]
    (tmp_path / name).write_text(above + "\n".join([separator.join("aty"), *lines]) + "\n")
    return tmp_path / name


def parquet(tmp_path, cells, kind=None):
    values = (
        cells if isinstance(cells, pa.Array) else pa.array([cells[k % len(cells)] for k in range(ROWS)], kind)
    )
    pq.write_table(
        pa.table({"a": A, "t": values, "y": ["hi" if x > 0 else "lo" for x in A]}), tmp_path / "t.parquet"
    )
    return tmp_path / "t.parquet"


def target(path, **options):
    data = load(path, target="t", ignore="a", **options)
    return data, data.y["t"][:3].tolist()


@pytest.mark.parametrize(
    ("cells", "separator", "numbers"),
    [
        (["1,234", "2,345"], ";", [1234, 2345]),  # the other column has points before its fractions
        (["1,234", "20,5"], "|", [1.234, 20.5]),
        (['"1,234"', '"2,345,678"'], ",", [1234, 2345678]),
        (["1\u202f234.5", "12"], ",", [1234.5, 12]),
        (["1'234.5", "12"], ",", [1234.5, 12]),
        (["60 %", "12.5 %"], ",", [60, 12.5]),
        (["(3.50)", "$5"], ",", [-3.5, 5]),
        (["12:30", "00:15:30"], ",", [12.5, 0.25 + 30 / 3600]),
        (["0 days 01:30:00", "-1 days +23:00:00"], ",", [1.5, -1]),
    ],
)
def test_numbers_that_are_written_in_other_ways(cells, separator, numbers, tmp_path):
    data, found = target(text(tmp_path, cells, separator), kinds="t=regression")
    assert found[:2] == pytest.approx(numbers)
    told = "decimal commas" if separator == "|" else "Read as numbers"
    assert any(told in note and f"({cells[0]} is".replace('"', "") in note for note in data.notes)
    inputs = load(tmp_path / "t.csv", target="y").x
    assert inputs[:2, 1].tolist() == pytest.approx(numbers)


def test_times_agree_with_pandas():
    for seconds in (0, 59, -3600, 86400 * 3 + 61, -90000):
        delta = pd.Timedelta(seconds=seconds)
        assert number_of(str(delta), STYLES["hours before the colon"]) == pytest.approx(
            delta.total_seconds() / 3600
        )


@pytest.mark.parametrize("cell", ["+inf", "1e400"])
def test_numbers_without_end_are_refused(cell, tmp_path):
    for name in ("t", "y"):
        with pytest.raises(DataError, match=r": The column 't' .*not usable.*inf in row 1"):
            load(text(tmp_path, ["1.5", cell, "2.5"]), target=name)


def test_long_codes_of_digits_are_told_apart(tmp_path):
    codes = ["9007199254740992", "9007199254740993", "5"]
    data, found = target(text(tmp_path, codes))
    assert data.tasks["t"].label_names == ("5", codes[0], codes[1])
    assert found == [1, 2, 0]
    data, found = target(parquet(tmp_path, [int(code) for code in codes]))
    assert found == [1, 2, 0]


@pytest.mark.parametrize(
    ("cells", "names", "said"),
    [
        (["1", "1.0", '"1"', "2"], ("1", "2"), "Spellings of one class of 't': 1 = 1.0."),
        (["Yes", "no", "yes", "0"], ("no", "Yes"), "Yes = yes, 0 = no"),
        (["Cat", "cat", "Dog"], ("Cat", "Dog", "cat"), "differ only in capital letters: Cat and cat."),
        (["a ", " b", "a"], ("a", "b"), None),
    ],
)
def test_classes_in_several_spellings_are_said(cells, names, said, tmp_path):
    data, _ = target(text(tmp_path, cells))
    assert data.tasks["t"].label_names == names
    assert said is None or any(said in note for note in data.notes)


def test_yes_and_no_in_several_spellings_are_two_inputs(tmp_path):
    data = load(text(tmp_path, ["Yes", "yes", "1", "No", "FALSE"]), target="y")
    assert data.x[:5, 1:].tolist() == [[0, 1], [0, 1], [0, 1], [1, 0], [1, 0]]


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["a;b", "b", "c;a", "a"], ";"),
        (["a|b", "b", "c|a", "a"], "|"),
        (['"[""a"", ""b""]"', '"[""b""]"', '"[""a"", ""c""]"', '"[""a"", null]"'], ""),
        (["\"['a', 'b']\"", "{b}", '"{a, c}"', "['a']"], ""),
    ],
)
def test_lists_of_words_are_one_input_per_word(cells, mark, tmp_path):
    data = load(text(tmp_path, cells), target="y")
    assert data.x[:4, 1:].tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1], [1, 0, 0]]
    assert any("Lists of words, one input per word: t" in note for note in data.notes)
    encoder, said = restore(data.encoder.state()), []
    new = f"b{mark}d" if mark else '["b", "d"]'
    x, _ = encoder.encode({"a": [0.0, 1.0], "t": [new, None]}, said.append)
    assert x[:, 1:].tolist() == [[0, 1, 0], [0, 0, 0]]
    assert "'d'" in said[0]


def test_lists_of_numbers(tmp_path):
    path = parquet(tmp_path, [[1.0, 2.0], [2.5, -1.0]], pa.list_(pa.float64(), 2))
    data, found = target(path)
    assert (type(data.tasks["t"]), found) == (Vector, [[1, 2], [2.5, -1], [1, 2]])
    with pytest.raises(DataError, match=r": .*'t' holds lists of numbers.*Spread it"):
        load(path, target="y")
    assert target(parquet(tmp_path, [[1, 2], [2], []]))[1] == [[1, 1], [0, 1], [0, 0]]


@pytest.mark.parametrize("cells", [[{"a": 1}], [[("k", 1)]], [b"\xff\xfe"]])
@pytest.mark.parametrize("name", ["t", "y"])
def test_cells_that_are_neither_numbers_nor_words(cells, name, tmp_path):
    kind = pa.map_(pa.string(), pa.int64()) if isinstance(cells[0], list) else None
    with pytest.raises(DataError, match=r": .*'t' holds"):
        load(parquet(tmp_path, cells, kind), target=name)


def test_an_order_of_categories_is_kept(tmp_path):
    order = pa.DictionaryArray.from_arrays(
        pa.array([0, 2, 1] * 20, pa.int8()), ["low", "mid", "high"], ordered=True
    )
    data, found = target(parquet(tmp_path, order), kinds="t=ordered")
    assert (data.tasks["t"].label_names, found) == (("low", "mid", "high"), [0, 2, 1])
    assert load(tmp_path / "t.parquet", target="y").x.shape[1] == 4


@pytest.mark.parametrize("ordered", [False, True])
def test_categories_as_polars_writes_them(ordered):
    names = pa.array(["low", "mid", "high"], pa.string_view())
    cells = pa.DictionaryArray.from_arrays(pa.array([0, 2, None, 1], pa.uint32()), names, ordered=ordered)
    column = pd.Series(frame_of(pa.table({"t": cells}))["t"])
    assert column.dropna().tolist() == ["low", "high", "mid"]
    assert column.isna().tolist() == [False, False, True, False]
    if ordered:
        assert column.cat.categories.tolist() == ["low", "mid", "high"]


def test_other_types_of_parquet(tmp_path):
    assert target(parquet(tmp_path, [b"left", b"right"]))[0].tasks["t"].label_names == ("left", "right")
    assert target(parquet(tmp_path, ["u", "v"], pa.string_view()))[1] == [0, 1, 0]
    hours = [datetime.timedelta(hours=k * 1.5) for k in range(ROWS)]
    assert target(parquet(tmp_path, hours))[1] == [0, 1.5, 3]
    clock = [datetime.time(k % 24, 30) for k in range(ROWS)]
    assert target(parquet(tmp_path, clock))[1] == [0.5, 1.5, 2.5]
    months = pd.Series(pd.period_range("2020-01", periods=ROWS, freq="M"))
    pd.DataFrame({"t": months, "y": ["a", "b"] * 30}).to_parquet(tmp_path / "p.parquet")
    assert read_frame(tmp_path / "p.parquet")["t"][:2].tolist() == ["2020-01", "2020-02"]
    assert any(
        "Dates: t (written as %Y-%m)" in note for note in load(tmp_path / "p.parquet", target="y").notes
    )


def test_dates_are_no_classes(tmp_path):
    days = [str(day.date()) for day in pd.date_range("2021-01-01", periods=ROWS)]
    path = text(tmp_path, days)
    with pytest.raises(DataError, match=r": .*'t' holds dates.*60 different.*kinds='t=classes'"):
        load(path, target="t")
    path = text(tmp_path, days[: ROWS // 2] * 2)
    assert len(load(path, target="t", kinds="t=classes").tasks["t"].label_names) == ROWS // 2


@pytest.mark.parametrize("quote", ["", " "])
def test_rows_with_more_fields_than_the_header(quote, tmp_path):
    path = text(tmp_path, ["1", "'b, c'"] if not quote else [' "u"', "'b, c'"])
    with pytest.raises(DataError, match=r"3 fields in every row.*Found 4 in line 3.*double quotes"):
        load(path, target="y")


def test_empty_fields_behind_the_last_and_a_line_above_the_header(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "".join(f"{x},{k % 2},\n" for k, x in enumerate(A)))
    assert read_frame(path).columns.tolist() == ["a", "y"]
    for cells in (["1,5", "2"], ['"u"', ' "v"']):
        assert load(text(tmp_path, cells, ";", above="sep=;\n"), target="y").x.shape[0] == ROWS
    text(tmp_path, ["1"], above="\n\n")
    with pytest.raises(DataError, match=r"first line is empty.*Begin the file with"):
        load(tmp_path / "t.csv", target="y")
