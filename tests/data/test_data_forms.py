"""Cells in the forms that other tools write: each is read as what it means, or refused by name."""

import bz2
import json
from contextvars import ContextVar

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from auxin.data import load
from auxin.data.encoders.restore import restore
from auxin.data.reading.frame import read_frame
from auxin.data.reading.marks import as_written
from auxin.errors import ConfigError, DataError
from auxin.exported.labels import labels_of
from auxin.requests.data import DataSpec
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression

LISTS = [["price"], [], ["price", "staff"], ["room"], ["room", "price"], ["staff"]]
WANTED = [[1, 0, 0], [0, 0, 0], [1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]]  # price, room, staff


def studio(labels):
    return labels[0] if len(labels) == 1 else json.dumps({"choices": labels})


FORMS = {
    "json": json.dumps,
    "python": str,
    "numpy": lambda labels: str(np.array(labels, dtype=object)),
    "braces": lambda labels: "{" + ",".join(labels) + "}",
    "label studio": studio,
    "label studio export": lambda labels: json.dumps([{"choices": labels, "type": "choices"}]),
    "pipes": "|".join,
    "commas": ", ".join,
    "semicolons": ";".join,
}


def write(tmp_path, name="t.csv", **columns):
    rows = len(next(iter(columns.values())))
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=rows).round(3), **columns})
    frame.to_parquet(tmp_path / name) if name.endswith("parquet") else frame.to_csv(
        tmp_path / name, index=False
    )
    return tmp_path / name


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kinds", ["", "topics=multilabel"])
def test_lists_of_labels(form, kinds, tmp_path):
    path = write(tmp_path, topics=[FORMS[form](labels) for labels in LISTS * 5])
    data = load(path, target="topics", kinds=kinds)
    assert data.tasks["topics"].label_names == ("price", "room", "staff")
    rows = data.y["topics"][:6]
    empty = form in ("pipes", "commas", "semicolons")  # an empty cell is no known label there
    assert rows[[0, 2, 3, 4, 5]].tolist() == [WANTED[k] for k in (0, 2, 3, 4, 5)]
    assert bool(rows[1].isnan().all()) if empty else rows[1].tolist() == [0, 0, 0]
    assert any("Labels of 'topics': price, room, staff; " in note for note in data.notes)


def test_lists_in_parquet(tmp_path):
    data = load(write(tmp_path, "t.parquet", topics=LISTS * 5), target="topics")
    assert data.y["topics"][:6].tolist() == WANTED


def test_places_with_commas_are_no_lists(tmp_path):
    data = load(write(tmp_path, y=["Paris, France", "Rome, Italy"] * 10), target="y")
    assert data.tasks["y"].label_names == ("Paris, France", "Rome, Italy")


def test_a_cell_that_lists_no_labels_is_named(tmp_path):
    path = write(tmp_path, y=['["a"]', '{"boxes": [1]}'] * 10)
    with pytest.raises(DataError, match=r": .*'y' lists no labels.*choices.*boxes"):
        load(path, target="y", kinds="y=multilabel")


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["01", "02", "10"], ("01", "02", "10")),
        (["+1", "-1"], ("-1", "+1")),
        (["2", "10"], ("2", "10")),
        (["True", "False"], ("False", "True")),
        (["yes", "no", "No"], ("no", "yes")),
        (["None", "A"], ("A", "None")),
        (["-", "+"], ("+", "-")),
        (["1.50", "2.00"], ("1.50", "2.00")),
    ],
)
def test_class_names_come_back_as_they_were_written(cells, names, tmp_path):
    path = write(tmp_path, y=cells * 12)
    assert load(path, target="y", kinds="y=classes").tasks["y"].label_names == names


@pytest.mark.parametrize("mark", ["?", "NA", "-", ".", "None", "null", "n/a", "NaN"])
def test_marks_are_missing_among_numbers(mark, tmp_path):
    values = [mark if i % 4 == 0 else str(i / 8) for i in range(40)]
    data = load(write(tmp_path, y=[i % 2 for i in range(40)], z=values), target="y", aux="z")
    assert isinstance(data.tasks["z"], Regression)
    assert int(data.y["z"].isnan().sum()) == 10
    assert any("Missing in 'z': " in note and f"'{mark}' (10)" in note for note in data.notes)
    assert read_frame(write(tmp_path, "u.csv", z=values))["z"].isna().sum() == 10


def test_a_question_mark_is_no_class_and_a_word_can_be_kept(tmp_path):
    path = write(tmp_path, y=["a", "?", "b", "NA"] * 10)
    assert load(path, target="y").tasks["y"].label_names == ("a", "b")
    assert load(path, target="y", missing="y=").tasks["y"].label_names == ("?", "NA", "a", "b")


def test_a_mark_of_ones_own_goes_beside_the_usual_ones(tmp_path):
    values = ["-9" if i % 5 == 0 else "?" if i % 5 == 1 else str(i / 8) for i in range(40)]
    data = load(write(tmp_path, z=values), target="z", missing="z=-9")
    assert isinstance(data.tasks["z"], Regression)
    assert int(data.y["z"].isnan().sum()) == 16


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["$12,345", "$7", "-$1,000.50"], [12345, 7, -1000.5]),
        (["60%", "7.5%", "0%"], [60, 7.5, 0]),
        (["€1.234,50", "€7,25", "€0,5"], [1234.5, 7.25, 0.5]),
        (["12 345", "7", "1 000"], [12345, 7, 1000]),
        (["1'234.50", "7.00", "12"], [1234.5, 7, 12]),
        (["(1,200)", "300", "4,000"], [-1200, 300, 4000]),
        (["12 EUR", "1,300 EUR", "5 EUR"], [12, 1300, 5]),
    ],
)
def test_written_numbers(cells, numbers, tmp_path):
    path = write(tmp_path, price=cells * 10)
    data = load(path, target="price", kinds="price=regression")
    assert data.y["price"][:3].tolist() == pytest.approx(numbers)
    assert as_written(cells).values == dict(zip(cells, numbers, strict=True))
    made = load(write(tmp_path, "u.csv", price=cells * 10, y=["a", "b"] * 15), target="y")
    assert made.x[:3, 1].tolist() == pytest.approx(numbers)
    again, _ = made.encoder.encode(pd.DataFrame({"x": [0.0], "price": [cells[0]]}))
    assert float(again[0, 1]) == pytest.approx(numbers[0])
    learnt = load(
        write(tmp_path, "v.csv", price=cells * 10, kind=list("uvvuw") * 6, y=["a", "b"] * 15), target="y"
    )
    assert learnt.fitted(torch.arange(20)).x.tolist() == learnt.x.tolist()  # as training encodes it anew


def test_the_cell_that_is_no_number_is_named(tmp_path):
    cells = [f"${i},{i:03d}" for i in range(1, 60)] + ["about 5"]
    with pytest.raises(
        DataError, match=r"mixes numbers and words.*'about 5' in row 59.*missing='price=about 5'"
    ):
        load(write(tmp_path, price=cells), target="price")


def test_a_style_that_training_rows_had_is_kept_for_new_rows(tmp_path):
    data = load(write(tmp_path, w=["1,5", "2,25", "1,2345"] * 10, y=["a", "b"] * 15), target="y")
    (tmp_path / "new.csv").write_text('x,w\n0,"1,234"\n')
    assert float(data.encoder.encode(tmp_path / "new.csv")[0][0, 1]) == pytest.approx(1.234)


@pytest.mark.parametrize("written", [("1", "0"), ("yes", "no"), ("TRUE", "FALSE"), ("t", "f")])
def test_yes_and_no_in_new_rows(written, tmp_path):
    data = load(write(tmp_path, garage=["True", "False"] * 15, y=["a", "b", "b"] * 10), target="y")
    (tmp_path / "new.csv").write_text(f"x,garage\n0,{written[0]}\n0,{written[1]}\n")
    said = []
    assert data.encoder.encode(tmp_path / "new.csv", said.append)[0][:, 1:].tolist() == [[0, 1], [1, 0]]
    assert said == []
    numbers = load(write(tmp_path, "n.csv", garage=[1, 0] * 15, y=["a", "b", "b"] * 10), target="y")
    assert numbers.encoder.encode(tmp_path / "new.csv", said.append)[0][:, 1].tolist() == [1, 0]


def test_labels_of_new_rows():
    said = []
    found = labels_of(
        Classes("ok", 2, label_names=["False", "True"]),
        pd.Series(["1", "no", "?", "mauve"], name="ok"),
        said.append,
    )
    assert found.tolist() == [1, 0, -1, -1]
    assert said == [
        "1 rows have labels of 'ok' that the model does not know: 'mauve'. No prediction of theirs is right, and a "
        "score leaves them out."
    ]
    found = labels_of(Regression("p"), pd.Series(["$1,200", "$7"], name="p"), said.append)
    assert found.tolist() == [1200, 7]
    codes = Classes("c", 2, label_names=["01", "1"])
    assert labels_of(codes, pd.Series(["1", "01"], name="c"), said.append).tolist() == [1, 0]


def arff(tmp_path, head, rows, name="t"):
    (tmp_path / "t.arff").write_text(f"@relation {name}\n{head}@data\n" + "\n".join(rows) + "\n")
    return tmp_path / "t.arff"


HEAD = "@ATTRIBUTE y {no,yes}\n@attribute 'a b' NUMERIC\n@attribute note string\n@attribute d date \"yyyy-MM-dd\"\n"


def test_arff_of_every_form(tmp_path):
    rows = ["yes, 1.5, 'it\\'s, so', 2020-01-02", "% a comment", '{1 2.5, 2 "x y"}', "'no',?,?,?"]
    found = read_frame(arff(tmp_path, HEAD, rows))
    assert found["y"].tolist() == ["yes", "no", "no"]
    assert found["a b"].tolist()[:2] == [1.5, 2.5]
    assert found["a b"].isna().tolist() == [False, False, True]
    assert found["note"].tolist()[:2] == ["it's, so", "x y"]
    assert found["d"].iloc[0] == "2020-01-02"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("yes,1", "line 7: 2 values"),
        ("maybe,1,a,2020-01-01", "among no, yes"),
        ("yes,one,a,2020-01-01", "numbers in the attribute"),
        ("{9 1}", "attribute number 9"),
        ("{1 1", "a brace that does not end"),
        ("yes,1,'a,2020-01-01", "line 7"),
    ],
)
def test_arff_rows_that_are_none(row, words, tmp_path):
    with pytest.raises(DataError, match=words):
        read_frame(arff(tmp_path, HEAD, [row]))


@pytest.mark.parametrize("how", ["meka", "meka from the end", "mulan"])
def test_arff_that_names_its_labels(how, tmp_path):
    head = "".join(f"@attribute l{i} {{0,1}}\n" for i in range(2))
    x = "".join(f"@attribute x{i} numeric\n" for i in range(2))
    rows = [f"{i % 2},{i % 3 // 2},{i / 7},{i % 5}" for i in range(30)]
    name = "'t: -C 2'" if how == "meka" else "t"
    if how == "meka from the end":
        head, x, name = x, head, "'t: -C -2'"
        rows = [",".join(row.split(",")[2:] + row.split(",")[:2]) for row in rows]
    if how == "mulan":
        xml = '<labels xmlns="http://mulan.sourceforge.net/labels"><label name="l0"/><label name="l1"/></labels>'
        (tmp_path / "t.xml").write_text(xml)
    data = load(arff(tmp_path, head + x, rows, name))
    assert data.tasks["labels"].label_names == ("l0", "l1")
    assert data.y["labels"][:3].tolist() == [[0, 0], [1, 0], [0, 1]]
    assert data.x.shape == (30, 2)


def test_dates_and_truth_of_parquet_are_those_of_csv(tmp_path):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"a": draw.normal(size=40), "when": pd.date_range("2021-01-01", periods=40)})
    frame["flag"] = pd.array(draw.integers(0, 2, 40), dtype="boolean")
    frame["n"] = pd.array([None, *range(39)], dtype="Int64")
    frame["y"] = np.where(frame["a"] > 0, "hi", "lo")
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False)
    one, two = load(tmp_path / "t.parquet", target="y"), load(tmp_path / "t.csv", target="y")
    assert one.x.equal(two.x)
    assert one.encoder.state() == two.encoder.state()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_read_as_they_are_looked_at(orientation, tmp_path):
    from PIL import ImageOps

    pixels = np.arange(8 * 6 * 3, dtype=np.uint8).reshape(8, 6, 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.fromarray(pixels + i).save(tmp_path / name / f"{i}.png", exif=exif)
    data = load(tmp_path)
    with Image.open(tmp_path / "a" / "0.png") as image:
        wanted = np.asarray(ImageOps.exif_transpose(image)).transpose(2, 0, 1)
    assert data.x[0].equal(torch.from_numpy(wanted.copy()))


def test_a_format_that_nobody_asked_for_is_not_opened(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "b" / "0.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "a" / "0.eps", format="EPS")
    (tmp_path / "a" / "0.eps").rename(tmp_path / "a" / "0.png")
    with pytest.raises(DataError, match="cannot be read"):
        load(tmp_path)


def test_an_image_of_too_many_pixels(tmp_path, monkeypatch):
    for name in "ab":
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / name / "0.png")
    table = tmp_path / "t.csv"
    table.write_text("file,y\na/0.png,p\nb/0.png,q\n")
    for path, options in ((tmp_path, {}), (table, {"image": "file", "target": "y"})):
        with pytest.raises(DataError, match=r"8 x 8 pixels, more than 50 \(max_pixels= raises the limit\)"):
            load(path, max_pixels=50, **options)
        data = load(path, max_pixels=64, **options)
        with pytest.raises(ConfigError, match=r"limit of an image's size is not usable.*Found 0"):
            load(path, max_pixels=0, **options)
        Image.new("RGB", (9, 8)).save(tmp_path / "large.png")
        encoder = restore(data.encoder.state())
        assert encoder.encode([tmp_path / "a" / "0.png"])[0].equal(data.x[:1])
        with pytest.raises(DataError, match=r"9 x 8 pixels, more than 64"):
            encoder.encode([tmp_path / "large.png"])
        spec = DataSpec(name=str(path), max_pixels=64, **options)
        assert ("max_pixels", 64) in spec.identity()["options"]
        monkeypatch.setattr("auxin.data.reading.images._most", ContextVar("m", default=50))
        assert load(path, max_pixels=64, **options).shape == (3, 8, 8)
        monkeypatch.undo()


@pytest.mark.parametrize(
    "cell", ["../other/0.png", "/etc/hostname.png", "sub/../../x.png", "..\\other\\0.png"]
)
def test_a_path_that_leads_out_of_the_tables_folder(cell, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "t.csv").write_text(f"file,y\n{cell},a\n{cell},b\n")
    with pytest.raises(DataError, match=r"points outside the table's folder.*AUXIN_ALLOW_OUTSIDE=1"):
        load(tmp_path / "in" / "t.csv", image="file", target="y")
    monkeypatch.setenv("AUXIN_ALLOW_OUTSIDE", "1")
    with pytest.raises(DataError, match="There is no image"):
        load(tmp_path / "in" / "t.csv", image="file", target="y")


@pytest.mark.parametrize("content", ["a,b\n1,2\n3\n", "a,b\n1,2\n3,4\n5"])
def test_a_row_that_is_cut_off(content, tmp_path):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError, match=r"2 fields in every row.*Found 1"):
        read_frame(tmp_path / "t.csv")


def test_batches_of_a_long_file_agree_with_one(tmp_path, monkeypatch):
    from auxin.data.reading import delimited

    rows = 3000
    path = write(
        tmp_path,
        n=np.arange(rows),
        late=["1"] * 2500 + ["a"] * 500,
        code=["7"] * 2900 + ["07"] * 100,
        w=["u", "v"] * 1500,
    )
    whole = read_frame(path)
    monkeypatch.setattr(delimited, "BLOCK", 4096)
    parts = read_frame(path)
    pd.testing.assert_frame_equal(whole, parts)
    assert parts["late"].tolist() == ["1"] * 2500 + ["a"] * 500
    assert parts["code"].iloc[[0, -1]].tolist() == ["7", "07"]
    assert parts.columns.tolist() == ["x", "n", "late", "code", "w"]
    assert parts["n"].equals(pd.Series(np.arange(rows, dtype=float), name="n"))


def table_of(tmp_path, **columns):
    base = {"x": np.arange(60) % 7 / 7, "z": np.arange(60) % 11}
    pd.DataFrame(base | columns).to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def test_words_that_look_the_same_are_one(tmp_path):
    words = np.array(["caf\u00e9", "cafe\u0301", "tea"])[np.arange(60) % 3]
    data = load(table_of(tmp_path, y=words, w=words[::-1]), target="y")
    assert data.tasks["y"].label_names == ("caf\u00e9", "tea")
    new = pd.DataFrame({"x": [0.0, 0.0], "z": [1, 1], "w": ["caf\u00e9", "cafe\u0301"]})
    assert data.encoder.encode(new)[0][:, 2:].tolist() == [[1, 0], [1, 0]]


def test_the_order_of_words_is_said(tmp_path):
    file = table_of(tmp_path, y=np.array(["high", "low", "medium"])[np.arange(60) % 3])
    said = "The order of 'y' is that of the alphabet: high < low < medium."
    assert said in " ".join(load(file, target="y", kinds="y=ordered").notes)
    assert said not in " ".join(load(file, target="y").notes)
    file = table_of(tmp_path, y=np.arange(60) % 3)
    assert "alphabet" not in " ".join(load(file, target="y", kinds="y=ordered").notes)


def test_numbers_that_may_stand_for_missing_values_are_said(tmp_path):
    gone = np.arange(60) % 9 == 0
    file = table_of(
        tmp_path, a=np.where(gone, -999, np.arange(60) % 5), y=np.where(gone, 9999, np.arange(60) / 7)
    )
    notes = " ".join(load(file, target="y").notes)
    assert "may stand for missing values: a (-999 in 7 rows)." in notes
    assert "may stand for missing values: y (9999 in 7 rows). If so, say so: missing='y=VALUE'." in notes
    assert "stand for" not in " ".join(load(file, target="y", missing="y=9999", ignore="a").notes)
    file = table_of(
        tmp_path, a=np.arange(60) % 5 - 9, b=np.where(gone, 99, np.arange(60)), y=np.arange(60) / 7
    )
    assert "stand for" not in " ".join(load(file, target="y").notes)


def test_options_without_effect_on_files_are_refused(tmp_path):
    file = table_of(tmp_path, y=np.arange(60) % 2)
    pd.read_csv(file).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ConfigError, match="encoding has no effect on Parquet"):
        load(tmp_path / "t.parquet", target="y", encoding="latin-1")
    load(tmp_path / "t.parquet", target="y", encoding="utf-8")
    load(tmp_path / "t.parquet", target="y", encoding="latin-1", unlabelled=file)
    with pytest.raises(ConfigError, match="root has no effect beside a path"):
        load(file.resolve(), tmp_path, target="y")
    assert len(load("t.csv", tmp_path, target="y")) == 60


def test_a_packed_file_is_called_so(tmp_path):
    (tmp_path / "t.csv").write_bytes(bz2.compress(b"x,y\n1,2\n" * 99))
    with pytest.raises(DataError, match=r"packed by bzip2: unpack it first"):
        load(tmp_path / "t.csv", target="y")


def test_an_empty_cell_marks_no_split(tmp_path):
    file = table_of(tmp_path, y=np.arange(60) % 2, part=["train", "test", ""] * 20)
    with pytest.raises(DataError, match=r"'part' marks no split.*Found an empty cell"):
        load(file, target="y", split="part")
