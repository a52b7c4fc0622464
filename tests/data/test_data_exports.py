"""Files as other programs export them: each is read right, or refused with what to do."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from auxin.data import load
from auxin.data.encoders.restore import restore
from auxin.data.reading.frame import read_frame
from auxin.errors import AuxinError, DataError

ROWS = 60
A = np.random.default_rng(0).normal(size=ROWS).round(2)


def written(folder: Path, header: str, row) -> Path:
    """A file of 60 rows."""
    path = folder / "t.csv"
    path.write_text(header + "\n" + "".join(f"{row(k)}\n" for k in range(ROWS)), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Person,,Result,\nage,sex,score,y", "several without a name. Delete what is above the line"),
        ("Report,,,\n,,,\nage,sex,score,y", "several without a name. Delete what is above the line"),
        ("1,0.5,7,p", r"looks like data \('1'\): put a line with the columns' names above it"),
        ("# made by a program\na,b,c,y", "first line is a comment: delete it"),
        ("a b c y", "first line is one field: separate the fields by commas, semicolons, tabs"),
    ],
)
def test_a_first_line_that_is_no_header(header, said, tmp_path) -> None:
    path = written(tmp_path, header, lambda k: f"{A[k]},{k % 7},{k % 3},{'pq'[k % 2]}")
    with pytest.raises(DataError, match=said):
        load(path, target="y")


@pytest.mark.parametrize(
    ("cell", "numbers", "unit"),
    [
        (lambda k: f"{k + 1} kg", lambda k: k + 1, "kg"),
        (lambda k: f"{k}.5m²", lambda k: k + 0.5, "m²"),
        (lambda k: f"{k + 1} day{'s' if k else ''}", lambda k: k + 1, "day"),
        (lambda k: f"€{k},5" if k % 2 else f"{k}", lambda k: k + 0.5 * (k % 2), "€"),
    ],
)
def test_numbers_with_one_unit_are_numbers(cell, numbers, unit, tmp_path) -> None:
    path = written(tmp_path, "w;a;y", lambda k: f"{cell(k)};{k * 7 % 11};{'pq'[k % 2]}")
    wanted = [numbers(k) for k in range(ROWS)]
    target = load(path, target="w")
    assert target.y["w"].tolist() == pytest.approx(wanted)
    assert any("Read as numbers" in note and ": w (" in note for note in target.notes)
    encoder = load(path, target="y", ignore="a", keep="w").encoder
    assert encoder.encode(path)[0].flatten().tolist() == pytest.approx(wanted)
    column = restore(encoder.state()).columns[0]
    assert column.unit == unit
    new = pd.Series(["3", "4 ml"], name="w")
    assert column.values(new[:1]).tolist() == [3.0]
    with pytest.raises(DataError, match=rf"the unit {unit}, as the training rows had. Found '4 ml'"):
        column.values(new)


@pytest.mark.parametrize("share", [2, 3, 10])
def test_numbers_of_different_units_are_refused_by_a_cell(share, tmp_path) -> None:
    cells = [f"{k + 1} {'kg' if k % share else 'g'}" for k in (*range(ROWS - 10), *range(10))]
    path = written(tmp_path, "w,a,y", lambda k: f"{cells[k]},{A[k]},{'pq'[k % 2]}")
    for target in ("w", "y"):
        with pytest.raises(DataError, match=r"different units.*Found '\d+ k?g' in row"):
            load(path, target=target)
    assert {*load(path, target="w", kinds="w=classes").tasks["w"].label_names} == {*cells}


def test_few_codes_of_different_units_are_words(tmp_path) -> None:
    path = written(tmp_path, "w,a,y", lambda k: f"{['1h', '4h', '1d', '1 week'][k % 4]},{A[k]},{'pq'[k % 2]}")
    assert load(path, target="w").tasks["w"].label_names == ("1 week", "1d", "1h", "4h")
    assert load(path, target="y").shape == (5,)


@pytest.mark.parametrize("cells", [("x", ""), ("1", ""), ("2.5", "?")])
def test_a_column_that_is_marked_in_some_rows_is_kept(cells, tmp_path) -> None:
    path = written(tmp_path, "a,mark,y", lambda k: f"{A[k]},{cells[k % 3 == 0]},{'pq'[k % 2]}")
    data = load(path, target="y")
    told = data.x[:, -1].tolist()
    assert told in ([float(k % 3 != 0) for k in range(ROWS)], [float(k % 3 == 0) for k in range(ROWS)])
    assert not any("left out" in note for note in data.notes)


@pytest.mark.parametrize("kind", ["csv", "parquet", "memory"])
def test_codes_of_more_digits_than_a_float_holds_are_words(kind, tmp_path) -> None:
    codes = [9007199254740992 + k % 3 for k in range(ROWS)]
    if kind == "csv":
        path = written(tmp_path, "code,a,y", lambda k: f"{codes[k]},{A[k]},{'pq'[k % 2]}")
    else:
        path = tmp_path / "t.parquet"
        pq.write_table(pa.table({"code": pa.array(codes, pa.int64()), "a": A, "y": ["p", "q"] * 30}), path)
    data = load(path, target="y")
    assert data.encoder.columns[0].categories == tuple(map(str, sorted({*codes})))
    source = pd.read_parquet(path) if kind == "memory" else path
    assert data.encoder.encode(source)[0].equal(data.x)


def test_large_numbers_that_stay_apart_are_numbers(tmp_path) -> None:
    path = written(tmp_path, "b,y", lambda k: f"{(k + 1) * 10**17},{'pq'[k % 2]}")
    assert load(path, target="y").x[:, 0].tolist() == pytest.approx([(k + 1) * 1e17 for k in range(ROWS)])


def test_ids_of_small_tables_are_left_out(tmp_path) -> None:
    path = written(tmp_path, "who,a,y", lambda k: f"person-{k * 7},{A[k]},{'pq'[k % 2]}")
    data = load(path, target="y")
    assert data.shape == (1,)
    assert any("(IDs): who" in note for note in data.notes)
    assert load(path, target="y", keep="who").shape == (ROWS + 1,)


@pytest.mark.parametrize("mark", ["\u200b", "\ufeff", "\u00a0", "\u200b "])
def test_blanks_that_are_not_seen_make_no_class(mark, tmp_path) -> None:
    path = written(tmp_path, "a,y", lambda k: f"{A[k]},{('dog', f'dog{mark}', 'cat')[k % 3]}")
    assert load(path, target="y").tasks["y"].label_names == ("cat", "dog")


@pytest.mark.parametrize("name", ["t.xlsx", "t.jsonl", "t.sav", "t.dta", "t.txt", "t.npy"])
def test_files_of_other_programs_say_what_to_do(name, tmp_path) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(AuxinError, match=r"unsupported file type.*(CSV|csv|np\.savez)"):
        load(tmp_path / name, target="y")


def test_an_array_of_one_column_is_a_column(tmp_path) -> None:
    np.savez(tmp_path / "t.npz", x=np.stack([A, A], 1), y=(A > 0).astype(int)[:, None], z=A[:, None])
    data = load(tmp_path / "t.npz", target="y", aux="z")
    assert data.tasks["y"].label_names == ("0", "1")
    assert data.y["z"].tolist() == pytest.approx(A.tolist())
    assert load(tmp_path / "t.npz", target="z", kinds="z=vector").y["z"].shape == (ROWS, 1)


def photo(k: int, bands: int = 3) -> Image.Image:
    """A picture of 10 x 12 pixels."""
    return Image.fromarray(np.random.default_rng(k).integers(0, 255, (10, 12, bands), dtype=np.uint8))


def album(folder: Path, classes=("down", "up"), count: int = 6) -> Path:
    """A folder of PNG files per class."""
    for k in range(count):
        for name in classes:
            (folder / name).mkdir(parents=True, exist_ok=True)
            photo(k).save(folder / name / f"{k}.png")
    return folder


@pytest.mark.parametrize("third", ["val", "valid", "validation"])
def test_folders_of_a_published_split_are_no_classes(third, tmp_path) -> None:
    for side in ("train", third):
        album(tmp_path / side)
    data = load(tmp_path)
    assert data.tasks["class"].label_names == ("down", "up")
    assert data.official_test.tolist() == [False] * 12 + [True] * 12
    album(tmp_path / "test", count=4)
    data = load(tmp_path)
    assert data.official_test.sum().item() == 8
    assert f"Published split: the folder train and {third} trains, test tests." in data.notes


def test_what_is_left_out_of_a_folder_is_said(tmp_path) -> None:
    album(tmp_path)
    for name in ("up/._1.png", ".hidden.png", "__MACOSX/up/._1.png", "up/.DS_Store"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"junk")
    photo(1).save(tmp_path / "loose.png")
    data = load(tmp_path)
    assert (len(data), data.tasks["class"].label_names) == (12, ("down", "up"))
    assert "1 images beside the classes' folders are left out." in data.notes


@pytest.mark.parametrize(
    ("save", "said"),
    [
        (lambda at: photo(9, 4).save(at / "odd.png"), "Of 1 images the transparency is ignored."),
        (
            lambda at: photo(9).save(at / "odd.gif", save_all=True, append_images=[photo(2)]),
            "Of 1 images the first frame or page is read alone.",
        ),
        (
            lambda at: Image.fromarray(np.full((10, 12), 999, np.uint16)).save(at / "odd.png"),
            "Of 1 images 16 bits are read as 8.",
        ),
        (
            lambda at: Image.fromarray(np.full((10, 12), 4095, np.uint16)).save(at / "odd.png"),
            "The brightest pixel of the images of 16 bits is 15 of 255: most of what they show is lost. Save them "
            "so that the brightest is near 65,535.",
        ),
    ],
)
def test_what_is_not_read_of_an_image_is_said(save, said, tmp_path) -> None:
    save(album(tmp_path) / "up")
    assert said in load(tmp_path).notes


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("https://example.org/1.png", "image on the web, which is not fetched"),
        ("up/1", "Did you mean '1.png'"),
        ("up/none.png", "There is no image .*Correct the path"),
    ],
)
def test_a_path_that_leads_to_no_image(cell, said, tmp_path) -> None:
    album(tmp_path)
    frame = pd.DataFrame({"image": [*(f"up/{k}.png" for k in range(5)), cell], "y": list("pqpqpq")})
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=said):
        load(tmp_path / "t.csv", image="image", target="y")


def test_excel_in_german(tmp_path) -> None:
    path = tmp_path / "t.csv"
    rows = [
        f"{A[k]}".replace(".", ",") + f";1.{100 + k},50 €;Köln;{1 + k % 28:02d}.03.2021" for k in range(ROWS)
    ]
    path.write_bytes(("\ufeff" + '"Größe";"Preis €";"Stadt";"am"\r\n' + "\r\n".join(rows)).encode())
    data = load(path, target="Preis €")
    assert data.y["Preis €"].tolist() == [1100.5 + k for k in range(ROWS)]
    assert data.x[:, 0].tolist() == pytest.approx(A.tolist())
    assert read_frame(path).columns.tolist() == ["Größe", "Preis €", "Stadt", "am"]
