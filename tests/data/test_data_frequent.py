"""Names and codes that are nearly all different: their frequent words are inputs, and pure IDs are left out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auxin.data import load
from auxin.data.encoders.frequent import FrequentWords, frequent
from auxin.errors import DataError


def passengers(rows: int = 200) -> pd.DataFrame:
    titles = np.array(["Mr", "Mrs", "Miss"])[np.arange(rows) % 3]
    return pd.DataFrame(
        {
            "name": [f"Person{k}, {title}" for k, title in enumerate(titles)],
            "id": [f"PAT-{k:06x}" for k in range(rows)],
            "mail": [f"u{k}@{'gmail' if k % 2 else 'web'}.com" for k in range(rows)],
            "age": np.arange(rows) % 50 + 0.5,
            "sex": np.where(titles == "Mr", "m", "f"),
        }
    )


def test_titles_of_names_are_inputs_and_a_pure_id_is_left_out(tmp_path: Path) -> None:
    passengers().to_csv(tmp_path / "t.csv", index=False)
    data = load(str(tmp_path / "t.csv"), target="sex")
    columns = {column.name: column for column in data.encoder.columns}
    assert columns["name"].words == ("Miss", "Mr", "Mrs")
    assert columns["mail"].words == ("gmail", "web")
    assert "id" not in columns
    said = " ".join(data.notes)
    assert (
        "Almost every value of name is different; its frequent words are used as inputs: Miss, Mr, Mrs."
        in said
    )
    assert "(IDs): id (keep them with keep=)." in said
    first = data.x[:1, :3].tolist()
    assert first == [[0.0, 1.0, 0.0]]  # Person0, Mr
    again = type(data.encoder).from_state(data.encoder.state())
    new = pd.DataFrame({"name": ["X, Mrs", None], "mail": ["a@b.org", "c@gmail.com"], "age": [1.0, 2.0]})
    made, _ = again.encode(new, lambda _: None)
    np.testing.assert_array_equal(made[:, :5], [[0, 0, 1, 0, 0], [0, 0, 0, 1, 0]])


def test_a_code_that_is_the_only_column_is_read_by_its_parts(tmp_path: Path) -> None:
    codes = [f"{'AB'[k % 2]}{1000 + 37 * k}" for k in range(100)]
    frame = pd.DataFrame({"code": codes, "y": [code[0] == "A" for code in codes]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    data = load(str(tmp_path / "t.csv"), target="y")
    [column] = data.encoder.columns
    assert {"A", "B", "1..."} <= set(column.words)
    assert any("no other column is left" in note for note in data.notes)
    again = type(data.encoder).from_state(data.encoder.state())
    made, _ = again.encode(pd.DataFrame({"code": ["B1234", "C2", None]}), lambda _: None)
    place = {word: number for number, word in enumerate(column.words)}
    wanted = np.zeros((3, len(place)))
    wanted[0, [place["B"], place["1..."]]] = 1
    wanted[1, place["2..."]] = 1
    np.testing.assert_array_equal(made, wanted)
    frame.assign(age=np.arange(100) % 7 + 0.5).to_csv(tmp_path / "t.csv", index=False)
    assert [c.name for c in load(str(tmp_path / "t.csv"), target="y").encoder.columns] == ["age"]


def test_an_id_without_parts_in_common_is_refused_by_name(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": [f"PAT-0{k:03d}" for k in range(60)], "y": np.arange(60) % 2})
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=r"No column is left as input.*id \(keep them"):
        load(str(tmp_path / "t.csv"), target="y")


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([f"Mr {k}" for k in range(100)], ()),  # in every cell: says nothing
        ([f"w{k} {'ab' if k < 4 else 'x'}" for k in range(100)], ()),  # in four cells only
        ([f"k{k} {'ab' if k < 5 else 'x'}" for k in range(100)], ("ab",)),
        ([f"k{k} {'ab' if k < 19 else 'x'}" for k in range(1000)], ()),  # below two in a hundred
        ([f"k{k} {'a1' if k % 2 else '07'}" for k in range(100)], ()),  # no words
        ([None] * 60 + [f"k{k} {'Ä-rö' if k % 2 else 'x'}" for k in range(40)], ("rö",)),
    ],
)
def test_which_words_are_frequent(cells: list, words: tuple) -> None:
    assert frequent(pd.Series(cells, name="c", dtype="str")) == words


def test_rows_without_a_frequent_word_keep_those_there_are() -> None:
    encoder = FrequentWords("c", ("Mr",))
    assert encoder.fit(pd.Series(["a", "b"])) is encoder
