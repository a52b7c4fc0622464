"""Sparse rows of ARFF files stay sparse, and are the same data as the dense rows."""

import numpy as np
import pandas as pd
import pytest
import torch

from auxin.data import load, make_splits
from auxin.data.encoders import table
from auxin.data.encoders.restore import restore
from auxin.data.reading import arff
from auxin.data.reading.frame import read_frame
from auxin.data.targets.leaks import gives_away
from auxin.errors import DataError
from auxin.math.sparse import SparseRows

ROWS, WIDTH = 40, 12


def files(tmp_path):
    """A set of Mulan's form: most numbers are zero, two labels at the end, an XML file that names them."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(ROWS, WIDTH)).round(3) * (draw.random((ROWS, WIDTH)) < 0.2)
    labels = (draw.random((ROWS, 2)) < 0.4).astype(int)
    head = ["@relation 'text: -C -2'"]
    head += [f"@attribute w{k} {'numeric' if k < 8 else '{0,1}'}" for k in range(WIDTH)]
    head += ["@attribute 'word kind' {plain,odd}", "@attribute l0 {0,1}", "@attribute l1 {0,1}", "@data"]
    x[:, 8:] = x[:, 8:] != 0
    kinds = ["odd" if k % 3 == 0 else "plain" for k in range(ROWS)]
    thin, full = [], []
    for row, kind, y in zip(x, kinds, labels, strict=True):
        cells = [*(f"{v:g}" for v in row), kind, *map(str, y)]
        zeros = ["0"] * WIDTH + ["plain", "0", "0"]
        pairs = [f"{k} {c}" for k, (c, zero) in enumerate(zip(cells, zeros, strict=True)) if c != zero]
        thin.append("{" + ", ".join(pairs) + "}")
        full.append(",".join(cells))
    for name, rows in (("thin", thin), ("full", full)):
        (tmp_path / f"{name}.arff").write_text("\n".join([*head, *rows]) + "\n")
    return tmp_path / "thin.arff", tmp_path / "full.arff"


@pytest.fixture
def large(monkeypatch):
    """Every table counts as large."""
    monkeypatch.setattr(arff, "DENSE", 0)
    monkeypatch.setattr(table, "DENSE", 0)


def test_sparse_rows_are_the_dense_ones(tmp_path):
    thin, full = files(tmp_path)
    pd.testing.assert_frame_equal(read_frame(thin), read_frame(full))


def test_they_stay_sparse_from_the_file_to_the_batches(tmp_path, large):
    thin, full = files(tmp_path)
    assert isinstance(read_frame(thin)["w0"].dtype, pd.SparseDtype)
    data = load(thin)
    assert isinstance(data.x, SparseRows)
    assert data.tasks["labels"].label_names == ("l0", "l1")
    (a, b), *_ = data.encoder.blocks
    assert (a, b) == (0, WIDTH)  # one scale, and zero stays zero
    fitted = data.fitted(make_splits(data, seed=0).train)
    with pytest.MonkeyPatch.context() as small:
        small.setattr(arff, "DENSE", 1 << 26)
        small.setattr(table, "DENSE", 1 << 26)
        dense = load(full)
    torch.testing.assert_close(data.x[slice(None)], dense.x)
    torch.testing.assert_close(data.y["labels"], dense.y["labels"])
    new, _ = restore(fitted.encoder.state()).encode(str(full), print)
    torch.testing.assert_close(new[slice(None)], fitted.x[slice(None)])


def test_missing_cells_and_columns_without_a_cell(tmp_path, large):
    rows = ["{0 1.5, 2 ?}", "{2 4}", "{0 2.5}", "{}"] * 3
    head = (
        "@relation r\n"
        + "".join(f"@attribute {n} numeric\n" for n in "abc")
        + "@attribute y {no,yes}\n@data\n"
    )
    text = head + "\n".join(
        row.replace("}", f"{', ' * (len(row) > 2)}3 {'yes' if k % 2 else 'no'}}}")
        for k, row in enumerate(rows)
    )
    (tmp_path / "t.arff").write_text(text)
    data = load(tmp_path / "t.arff", target="y")
    assert any("single value" in note and ": b." in note for note in data.notes)
    assert data.x[slice(0, 4)].tolist() == [[1.5, 0], [0, 4], [2.5, 0], [0, 0]]
    assert data.blank[slice(0, 2)].tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize("row", ["{0 1, 0 2}", "{2 1, 1 2}", "{7 1}", "{0 1", "{0 x}"])
def test_sparse_rows_that_are_none(row, tmp_path):
    (tmp_path / "t.arff").write_text(
        f"@relation r\n@attribute a numeric\n@attribute b numeric\n@attribute c numeric\n@data\n{row}\n"
    )
    with pytest.raises(DataError, match=r"line 6|'a'"):
        read_frame(tmp_path / "t.arff")


def test_a_sparse_column_that_holds_the_target_is_found_among_others_like_it() -> None:
    draw = np.random.default_rng(0)
    target = pd.Series(np.where(np.arange(400) % 4 == 0, "p", "q"))
    marks = {
        "copy": (target == "p") * 2.0,
        "other": draw.permutation((target == "p") * 1.0),
        "rare": np.eye(400)[0],
    }
    frame = pd.DataFrame(
        {name: pd.arrays.SparseArray(np.asarray(v), fill_value=0.0) for name, v in marks.items()}
    )
    assert gives_away(frame, target) == ["copy"]
    gaps = target.mask(target == "p")  # missing labels are a group of rows too
    assert gives_away(frame, gaps) == gives_away(frame.sparse.to_dense(), gaps)
