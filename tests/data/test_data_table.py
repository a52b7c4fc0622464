"""A user's own tables: what is read, what is decided, and what is refused."""

import gzip

import numpy as np
import pandas as pd
import pytest
import torch

from auxin.data import DevicePool, load, make_splits
from auxin.data.targets.single import blurred, single
from auxin.errors import ConfigError, DataError
from auxin.tasks.classes import Classes
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression


def frame(rows=60, **changes):
    draw = np.random.default_rng(0)
    columns = {
        "width": draw.normal(size=rows),
        "colour": np.array(["red", "green", "blue"])[np.arange(rows) % 3],
        "breed": np.array(["pug", "lab", "tabby", "siam"])[draw.permutation(rows) % 4],
        "price": draw.normal(size=rows).round(3),
        **changes,
    }
    made = pd.DataFrame(columns)
    made["species"] = made["breed"].map({"pug": "dog", "lab": "dog", "tabby": "cat", "siam": "cat"})
    return made


def arff_text(table):
    lines = ["@relation made"]
    for name in table.columns:
        words = table[name].dropna().unique()
        number = pd.api.types.is_numeric_dtype(table[name])
        lines.append(f"@attribute {name} " + ("numeric" if number else "{" + ",".join(words) + "}"))
    cells = table.astype(object).where(table.notna(), "?")
    return "\n".join([*lines, "@data", *(",".join(map(str, row)) for row in cells.to_numpy())])


def write(table, path):
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".arff":
        path.write_text(arff_text(table))
    else:
        table.to_csv(path, sep="\t" if ".tsv" in path.name or path.suffix == ".data" else ",", index=False)
    return path


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".tsv", ".data", ".parquet", ".arff"])
def test_every_kind_of_file_gives_the_same(tmp_path, ending):
    table = frame()
    table.loc[3, "width"] = np.nan
    table.loc[[4, 9], "breed"] = None
    data = load(write(table, tmp_path / f"pets{ending}"), target="breed", aux="species,price")
    assert (data.name, data.main) == ("pets", "breed")
    assert data.tasks["breed"].label_names == ("lab", "pug", "siam", "tabby")
    assert data.y["breed"][4] == data.y["breed"][9] == -1
    assert data.x.shape == (60, 5)
    assert data.x[:, 0].equal(torch.tensor(np.nan_to_num(table["width"].to_numpy()), dtype=torch.float32))
    assert data.x[:, 1].nonzero().flatten().tolist() == [3]
    assert data.x[:3, 2:].tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert data.blank.nonzero().tolist() == [[3, 0]]
    assert isinstance(data.tasks["price"], Regression)
    assert data.notes[0] == (
        "Targets: breed (classes: lab, pug, siam, tabby), species (classes: cat, dog), price (regression). "
        "Guessed: breed, species, price; change this with kinds='NAME=KIND'."
    )
    splits = make_splits(data, seed=0)
    assert set(splits.unlabelled.tolist()) == {4, 9}
    batch = DevicePool(data, splits.train, "cpu").batch(torch.arange(60))
    assert batch.x[3, 0] == 0
    assert abs(float(batch.x[splits.train].mean())) < 1e-5


def test_a_finer_auxiliary_column_refines_the_main_one(tmp_path):
    data = load(write(frame(), tmp_path / "t.csv"), target="species", aux=["breed"])
    assert data.parents["breed"][data.y["breed"]].equal(data.y["species"])


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_the_separator_is_seen(tmp_path, mark):
    frame().to_csv(tmp_path / "t.csv", sep=mark, index=False)
    assert load(tmp_path / "t.csv", target="species", ignore="breed").x.shape == (60, 5)


def test_quoted_fields_may_hold_anything(tmp_path):
    table = frame(colour=['a,b "c"', "d\ne", "f;g"] * 20)
    data = load(write(table, tmp_path / "t.csv"), target="species", ignore="breed")
    assert data.x.shape == (60, 5)


def test_kinds(tmp_path):
    path = write(
        frame(grade=np.arange(60) % 5 + 1, age=np.arange(60) % 30, yes=np.arange(60) % 2 == 0),
        tmp_path / "t.csv",
    )
    data = load(path, target="grade", aux="age,yes", kinds="grade=ordered")
    assert isinstance(data.tasks["grade"], Ordered)
    assert data.tasks["grade"].label_names == ("1", "2", "3", "4", "5")
    assert isinstance(data.tasks["age"], Regression)
    assert isinstance(data.tasks["yes"], Classes)
    assert isinstance(load(path, target="grade", kinds="grade=regression").tasks["grade"], Regression)
    assert load(path, target="age", kinds="age=classes").tasks["age"].width == 30


def test_minus_one_is_a_class_of_a_table(tmp_path):
    data = load(write(frame(sign=np.where(np.arange(60) % 2, 1, -1)), tmp_path / "t.csv"), target="sign")
    assert data.tasks["sign"].label_names == ("-1", "1")
    assert bool((data.y["sign"] >= 0).all())


def test_columns_that_hold_the_target_are_left_out_and_named(tmp_path):
    table = frame(twice=0.0)
    table["twice"] = table["price"] * 2 + 1
    table["code"] = table["species"].map({"dog": 7, "cat": 3})
    path = write(table, tmp_path / "t.csv")
    data = load(path, target="species", ignore="breed")
    assert data.notes[1] == "Columns left out because they contain the target: code (keep them with keep=)."
    kept = load(path, target="species", ignore="breed", keep="code")
    assert kept.x.shape[1] == data.x.shape[1] + 1
    assert "twice" in load(path, target="price").notes[1]
    assert not any("twice" in note for note in data.notes)


def test_a_column_that_tells_only_part_of_the_target_is_kept(tmp_path):
    data = load(write(frame(), tmp_path / "t.csv"), target="breed")
    assert data.x.shape == (60, 7)
    assert len(data.notes) == 1


def test_columns_that_teach_nothing_are_left_out_and_named(tmp_path):
    table = frame(number=np.arange(60), one="x", empty=np.nan)
    data = load(write(table, tmp_path / "t.csv"), target="species", ignore="breed")
    assert data.notes[1] == "Columns left out (a single value or a row counter): number, one, empty."


def test_a_given_split(tmp_path):
    path = write(frame(part=["train"] * 40 + ["Test"] * 20), tmp_path / "t.csv")
    assert load(path, target="species", split="part").official_test.tolist() == [False] * 40 + [True] * 20
    with pytest.raises(DataError, match=r": .*'colour' marks no split.*Found blue, green, red"):
        load(path, target="species", split="colour")


def test_a_category_that_no_training_row_has_is_zero(tmp_path):
    colours = ["red", "green"] * 25 + ["blue"] * 10
    data = load(write(frame(colour=colours), tmp_path / "t.csv"), target="species", ignore="breed,price")
    batch = DevicePool(data, torch.arange(50), "cpu").batch(torch.arange(60))
    assert bool((batch.x[:, 1] == 0).all())


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({}, {"target": "breeds"}, ["no column 'breeds'", "width, colour, breed", "Did you mean 'breed'"]),
        ({}, {"target": "breed", "aux": "zzz"}, ["no column 'zzz'", "Name another"]),
        ({}, {"target": "breed", "ignore": "zzz"}, ["no column 'zzz'"]),
        ({"y": [1] * 60}, {"target": "y"}, ["too few classes", "at least two", "only '1'"]),
        ({"y": [np.nan] * 60}, {"target": "y"}, ["no values", "every cell empty"]),
        ({}, {"target": "breed", "kinds": "breed=regression"}, ["column 'breed'", "is not numbers"]),
        ({"big": [1e300] * 59 + [0.0]}, {"target": "breed"}, ["'big'", "below 3e38", "1e+300 in row 0"]),
        ({"big": [np.inf] + [0.5] * 59}, {"target": "big"}, ["'big'", "inf in row 0"]),
        (
            {"seconds": [1.7e9 + i for i in np.random.default_rng(0).normal(0, 30, 60)]},
            {"target": "seconds"},
            ["'seconds'", "too large for how little", "steps of 128", "Subtract a number such as 16999999"],
        ),
        (
            {"text": [f"word {i}" for i in range(60)]},
            {"target": "text"},
            [
                "'text' is different in every row",
                "occur in several rows",
                "60 classes in 60 rows, such as 'word 0'",
            ],
        ),
        ({}, {"target": "breed", "ignore": "width,colour,price,species"}, ["No column", "left as input"]),
    ],
)
def test_refused(tmp_path, changes, options, words):
    path = write(frame(**changes), tmp_path / "t.csv")
    with pytest.raises(DataError) as error:
        make_splits(load(path, **options), seed=0)
    for word in words:
        assert word in str(error.value)


def test_an_id_of_words_is_left_out_and_said(tmp_path):
    path = write(frame(200, text=[f"word {i}" for i in range(200)]), tmp_path / "t.csv")
    data = load(path, target="species", ignore="breed")
    assert (
        "Columns left out because almost every value is different (IDs): text (keep them with keep=)."
        in data.notes
    )
    assert data.x.shape[1] == 5
    assert load(path, target="species", ignore="breed", keep="text").x.shape[1] == 105


def test_the_most_frequent_of_many_words_are_inputs(tmp_path):
    words = [f"w{i % 150}" for i in range(600)]
    data = load(write(frame(600, place=words), tmp_path / "t.csv"), target="species", ignore="breed")
    assert data.x.shape[1] == 5 + 100
    assert "Of the 150 words of place the 100 most frequent are used as inputs." in data.notes


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["a table with a header"]),
        (b"\n\n", ["a table with a header"]),
        (b"a,b,c\n", ["at least one row"]),
        (b"a,b\n1,2\n1,2,3\n", ["2 fields in every row", "3 in line 3", "double quotes"]),
        (b"a,b,a\n1,2,3\n", ["several called a", "Rename them"]),
        ("a,b\nl\u00e9,2\n".encode("latin-1"), ["text in utf-8", "encoding='latin-1'"]),
    ],
)
def test_files_that_are_no_tables(tmp_path, content, words):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError) as error:
        load(tmp_path / "t.csv", target="b")
    for word in ["cannot be read", *words]:
        assert word in str(error.value)


def test_another_encoding(tmp_path):
    table = frame(colour=["caf\u00e9", "th\u00e9"] * 30)
    table.to_csv(tmp_path / "t.csv", index=False, encoding="latin-1")
    assert load(tmp_path / "t.csv", target="species", encoding="latin-1").x.shape[1] > 0
    with pytest.raises(ConfigError, match="encoding"):
        load(tmp_path / "t.csv", target="species", encoding="klingon")


@pytest.mark.parametrize("name", ["t.parquet", "t.arff", "t.csv.gz"])
def test_damaged_files(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(b"a,b\n1,2\n")[:-6])
    with pytest.raises(DataError, match="cannot be read"):
        load(tmp_path / name, target="b")


def test_arguments():
    with pytest.raises(ConfigError, match="file to read"):
        load("table", target="y")
    with pytest.raises(DataError, match="There is no file"):
        load("nowhere.csv", target="y")


def test_arguments_with_a_file(tmp_path):
    path = write(frame(), tmp_path / "t.csv")
    with pytest.raises(ConfigError, match=r": The target column is not given.*target='COLUMN'"):
        load(path)
    with pytest.raises(ConfigError, match=r"kind of target.*classes\|ordered\|regression.*breed=colour"):
        load(path, target="breed", kinds="breed=colour")
    with pytest.raises(ConfigError, match="named twice"):
        load(path, target="breed", aux="breed")


def test_row_order_of_a_file_does_not_matter(tmp_path):
    table = frame()
    one = make_splits(load(write(table, tmp_path / "a.csv"), target="breed"), seed=0)
    two = make_splits(
        load(write(table.sample(frac=1, random_state=0), tmp_path / "b.csv"), target="breed"), seed=0
    )
    assert one.hash == two.hash


def test_numbers_that_float32_blurs():
    rng = np.random.default_rng(0)
    seconds = rng.normal(1.7e9, 30, 1500)
    rows = np.stack(
        [seconds, seconds - 1.7e9, rng.normal(1.7e9, 1e4, 1500), np.full(1500, 0.1), np.full(1500, np.nan)], 1
    )
    assert blurred(rows).tolist() == [True, False, False, False, False]
    late = np.concatenate([np.full(1000, np.nan), seconds])  # the first rows say nothing
    assert blurred(late[:, None]).tolist() == [True]
    assert single("y", seconds.astype(np.float32)).dtype == np.float32  # as given: nothing is lost here
    with pytest.raises(DataError, match="steps of 128"):
        single("y", np.stack([rows[:, 1], seconds], 1))


def test_note_on_inputs_that_float32_blurs(tmp_path):
    path = write(
        frame(seconds=[1.7e9 + i for i in np.random.default_rng(0).normal(0, 30, 60)]), tmp_path / "t.csv"
    )
    assert any("how little they differ: seconds" in note for note in load(path, target="breed").notes)
    assert not any(
        "how little" in note for note in load(write(frame(), tmp_path / "u.csv"), target="breed").notes
    )
