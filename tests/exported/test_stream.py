"""Tables that are predicted some rows at a time: what comes out is what all rows at once give."""

import json
import re

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from auxin.api.estimators import AuxiliaryClassifier
from auxin.data.reading import columnar, delimited
from auxin.errors import DataError
from auxin.exported.files import write_predictions
from auxin.exported.model import load_model

ROWS = 90


def table(seed=0):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=ROWS).round(3)
    return pd.DataFrame(
        {
            "x": x,
            "code": [f"{k % 3:02d}" for k in range(ROWS)],
            "day": pd.date_range("2021-01-01", periods=ROWS).astype(str),
            "price": [f"${1000 + k:,}" for k in range(ROWS)],
            "y": np.where(x + draw.normal(size=ROWS) > 0, "large", "small"),
        }
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("m")
    rows = table()
    AuxiliaryClassifier("single", steps=5, random_state=0).fit(rows.drop(columns="y"), rows["y"]).save(folder)
    return load_model(folder)


def new_rows(place, ending):
    rows = table(1)
    rows["id"] = [f"{k:04d}" for k in range(ROWS)]
    rows.loc[[3, 80], "x"] = np.nan
    rows.loc[[5, 85], "code"] = ["07", "08"]
    file = place / f"new{ending}"
    rows.to_parquet(file) if ending == ".parquet" else rows.to_csv(file, index=False)
    return file


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize("out", ["p.csv", "p.parquet"])
def test_parts_give_what_the_whole_gives(model, ending, out, tmp_path, monkeypatch):
    file = new_rows(tmp_path, ending)
    monkeypatch.setattr(delimited, "PART", 1 << 10)
    monkeypatch.setattr(columnar, "PART", 13)
    said = []
    found = write_predictions(model, str(file), tmp_path / out, ["id", "x"], said.append)
    made = (
        pd.read_parquet(tmp_path / out) if out.endswith("parquet") else pd.read_csv(tmp_path / out, dtype=str)
    )
    whole = model.predict(model.inputs(str(file), lambda _: None))
    assert made["row"].astype(int).tolist() == [*range(ROWS)]
    assert made["id"].tolist() == [f"{k:04d}" for k in range(ROWS)]
    assert made["x"].isna().sum() == 2
    np.testing.assert_allclose(made["p(large)"].astype(float), whole.probabilities[:, 0].numpy(), atol=1e-12)
    assert (found["rows"], found["labelled"]) == (ROWS, ROWS)
    assert found["score"] == pytest.approx(float((made["prediction"] == table(1)["y"]).mean()))
    assert [s for s in said if "missing values" in s] == [
        "2 missing values of 'x' are replaced by its mean; no training row lacks this value."
    ]
    assert [s for s in said if "Categories" in s and "'07', '08'" in s]


@pytest.mark.parametrize("name", ["row", "prediction", "p(large)"])
@pytest.mark.parametrize("out", ["p.csv", "p.parquet", "p.npz"])
def test_a_carried_column_never_takes_the_place_of_one_of_the_output(model, out, name, tmp_path):
    file = tmp_path / "new.csv"
    table(1).assign(**{name: range(7, 7 + ROWS)}).to_csv(file, index=False)
    if out == "p.npz" and name == "p(large)":  # there the probabilities are one array
        assert write_predictions(model, str(file), tmp_path / out, [name], lambda _: None)["rows"] == ROWS
        return
    with pytest.raises(DataError, match=f"'{re.escape(name)}' cannot be carried over"):
        write_predictions(model, str(file), tmp_path / out, [name], lambda _: None)
    assert not (tmp_path / out).exists()


def test_a_wrong_cell_is_named_by_its_row_in_the_file_and_nothing_is_written(model, tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "PART", 1 << 10)
    rows = table(1)
    rows.loc[77, "day"] = "someday"
    rows.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(DataError, match="'someday' in row 77"):
        write_predictions(model, str(tmp_path / "new.csv"), tmp_path / "p.csv", (), print)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new.csv"]


def test_a_part_without_labels_or_rows(model, tmp_path):
    table(1).drop(columns="y").to_csv(tmp_path / "new.csv", index=False)
    found = write_predictions(model, str(tmp_path / "new.csv"), tmp_path / "p.parquet", (), print)
    assert (found["labelled"], found["score"]) == (0, None)
    assert json.loads(json.dumps(found))["rows"] == ROWS == pq.read_metadata(tmp_path / "p.parquet").num_rows
    (tmp_path / "none.csv").write_text("x,code,day,price\n")
    with pytest.raises(DataError, match="at least one row"):
        write_predictions(model, str(tmp_path / "none.csv"), tmp_path / "p.csv", (), print)
