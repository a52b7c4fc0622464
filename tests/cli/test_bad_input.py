"""Bad input as users bring it: a clear message, exit code 2, no traceback, nothing half-written."""

import builtins
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from auxin.cli import main, verbs
from auxin.errors import AuxinError
from auxin.folders import LOCK
from auxin.store import UNIT

ROWS = 60
QUICK = ["--set", "steps=4", "--set", "model.hidden=4", "--seeds", "2", "--tries", "1", "--jobs", "1"]


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take most of the time of a small comparison that succeeds, and are the subject of other tests."""
    monkeypatch.setattr("auxin.reports.plots.figures", lambda results: {})


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main([*arguments])
    return int(stop.value.code or 0)


def base() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "width": draw.normal(size=ROWS),
            "colour": np.array(["red", "green", "blue"])[draw.integers(0, 3, ROWS)],
            "price": draw.normal(size=ROWS),
            "fine": np.arange(ROWS) % 4,
            "y": np.arange(ROWS) % 2,
        }
    )


def csv(folder: Path, **columns: object) -> str:
    base().assign(**columns).to_csv(folder / "t.csv", index=False)
    return str(folder / "t.csv")


def text(folder: Path, content: bytes, name: str = "t.csv") -> str:
    (folder / name).write_bytes(content)
    return str(folder / name)


def parquet(folder: Path, **columns: object) -> str:
    base().assign(**columns).to_parquet(folder / "t.parquet")
    return str(folder / "t.parquet")


def npz(folder: Path, **changes: object) -> str:
    arrays = {"x": np.random.default_rng(0).normal(size=(ROWS, 3)), "y": np.arange(ROWS) % 2, **changes}
    np.savez(folder / "a.npz", **{k: v for k, v in arrays.items() if v is not None})  # type: ignore[arg-type]
    return str(folder / "a.npz")


def pictures(folder: Path, spoil: Callable[[Path], object] = lambda d: None, mask: int = 8) -> str:
    """An image table with masks, spoilt."""
    draw, rows = np.random.default_rng(0), []
    for i in range(16):
        Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{i}.png")
        Image.fromarray(draw.integers(0, 3, (mask, mask), dtype=np.uint8)).save(folder / f"m{i}.png")
        rows.append((f"{i}.png", f"m{i}.png", i % 2, "3.tif" if i == 3 else f"{i}.png"))
    spoil(folder)
    pd.DataFrame(rows, columns=["file", "mask", "y", "other"]).to_csv(folder / "p.csv", index=False)
    return str(folder / "p.csv")


def mixed(values: list[str]) -> list[str]:
    return [*values, *map(str, np.arange(ROWS - len(values)) + 0.5)]


LATIN = "width,y\nlé,1\nla,0\n".encode("latin-1")
UTF16 = "width,y\n1,1\n2,0\n".encode("utf-16")
T = ["--target", "y"]
I = ["--image", "file", *T]  # noqa: E741
BIG = "9" * 40

BAD: dict[str, tuple[Callable[[Path], list[str]], list[str]]] = {
    "latin-1": (lambda d: [text(d, LATIN), *T], ["text in utf-8", "--encoding latin-1"]),
    "utf-16": (lambda d: [text(d, UTF16), *T], ["text in utf-8", "--encoding utf-16"]),
    "unknown encoding": (lambda d: [csv(d), *T, "--encoding", "klingon"], ["encoding", "'klingon'"]),
    "ragged rows": (
        lambda d: [text(d, b"a,y\n1,0\n1,2,3\n"), *T],
        ["line 3", "in every row, as in the header"],
    ),
    "empty file": (lambda d: [text(d, b""), *T], ["a table with a header"]),
    "blank file": (lambda d: [text(d, b"\n\n"), *T], ["a table with a header"]),
    "header only": (lambda d: [text(d, b"a,y\n"), *T], ["at least one row"]),
    "one column": (lambda d: [text(d, b"y\n" + b"0\n1\n" * 9), *T], ["left as input"]),
    "duplicate columns": (lambda d: [text(d, b"a,y,a\n1,0,2\n"), *T], ["several called a", "Rename"]),
    "numbers instead of a header": (
        lambda d: [text(d, b"".join(b"%d,%d\n" % (i % 2, i % 2) for i in range(60))), *T],
        ["several called 0", "first line looks like data"],
    ),
    "cells of several values": (
        lambda d: [parquet(d, pairs=[[k / 2, 1.0] for k in range(ROWS)]), *T],
        ["'pairs'", "lists of numbers", "--ignore pairs"],
    ),
    "a device that is not here": (lambda d: [csv(d), *T, "--device", "tpu"], ["is not available", "'tpu'"]),
    "an image of fractions": (
        lambda d: [
            pictures(d, lambda f: Image.fromarray(np.ones((8, 8), np.float32)).save(f / "3.tif")),
            *("--image", "other", *T),
        ],
        ["3.tif", "fractions", "8 or 16 bits"],
    ),
    "no such path": (lambda d: [str(d / "nowhere.csv"), *T], ["There is no file", "nowhere.csv"]),
    "a kind that is not read": (lambda d: [text(d, b"x", "t.docx"), *T], [".docx", "unsupported", ".csv"]),
    "a folder instead of a file": (lambda d: [str(d), *T], ["option '--target'"]),
    "an empty folder": (lambda d: [str(d)], ["several classes", "no folder with images"]),
    "a file instead of a folder": (lambda d: ["images", "--root", csv(d)], ["There is no folder"]),
    "a file as the root of digits": (
        lambda d: ["digits", "--root", csv(d)],
        ["--root is not a folder", "the file", "Name the folder"],
    ),
    "a file as the root of a file": (
        lambda d: [csv(d), *T, "--root", csv(d)],
        ["--root is not a folder", "the file"],
    ),
    "a number of words without text": (
        lambda d: [csv(d), *T, "--max-words", "9"],
        ["No input column is text", "Found columns", "Leave --max-words out"],
    ),
    "no target": (lambda d: [csv(d)], ["target column", "--target COLUMN"]),
    "target that is not there": (lambda d: [csv(d), "--target", "pryce"], ["no column 'pryce'", "'price'"]),
    "auxiliary that is not there": (lambda d: [csv(d), *T, "--aux", "fyne"], ["no column 'fyne'", "'fine'"]),
    "auxiliary named as the target": (lambda d: [csv(d), *T, "--aux", "y"], ["named twice"]),
    "one class only": (lambda d: [csv(d, y="dog"), *T], ["too few classes", "only 'dog'"]),
    "all-missing target": (lambda d: [csv(d, y=np.nan), *T], ["no values", "every cell empty"]),
    "all-missing auxiliary": (lambda d: [csv(d, fine=np.nan), *T, "--aux", "fine"], ["'fine'", "no values"]),
    "a target that is an ID": (
        lambda d: [csv(d, y=[f"id{i}" for i in range(ROWS)]), *T],
        ["The target 'y' is different in every row"],
    ),
    "huge integers": (lambda d: [csv(d, width=[BIG] + ["1"] * 59), *T], ["width", "t.csv", "below 3e38"]),
    "numbers beyond float32": (
        lambda d: [csv(d, width=[1e300] + [0.5] * 59), *T],
        ["width", "3e38", "row 0"],
    ),
    "infinite inputs": (lambda d: [csv(d, width=[np.inf] + [0.5] * 59), *T], ["width", "inf in row 0"]),
    "numbers with a slip": (lambda d: [csv(d, width=mixed(["1O"])), *T], ["mixes numbers and words", "'1O'"]),
    "words as numbers": (
        lambda d: [csv(d), "--target", "colour", "--kind", "colour=regression"],
        ["not numbers"],
    ),
    "unknown kind": (lambda d: [csv(d), *T, "--kind", "y=clases"], ["kind of target", "'classes'"]),
    "kind of no target": (lambda d: [csv(d), *T, "--kind", "price=ordered"], ["'price' is no target"]),
    "dense without images": (
        lambda d: [csv(d), *T, "--aux", "fine", "--kind", "fine=dense"],
        ["--image"],
    ),
    "split of other words": (lambda d: [csv(d), *T, "--split", "colour"], ["marks no split", "blue"]),
    "groups of one set": (
        lambda d: [csv(d, who="anna"), *T, "--group", "who"],
        ["too few groups", "Found 1"],
    ),
    "groups on both sides": (
        lambda d: [
            csv(d, who=np.arange(ROWS) % 9, part=["test"] * 20 + ["train"] * 40),
            *T,
            *("--group", "who", "--split", "part"),
        ],
        ["both sides of the given split"],
    ),
    "corrupt Parquet": (lambda d: [text(d, b"PAR1 no", "t.parquet"), *T], ["t.parquet cannot be read"]),
    "corrupt ARFF": (
        lambda d: [text(d, b"@relation r\n@attribute", "t.arff"), *T],
        ["t.arff cannot be read"],
    ),
    "corrupt gzip": (lambda d: [text(d, b"\x1f\x8b no", "t.csv.gz"), *T], ["t.csv.gz cannot be read"]),
    "corrupt npz": (lambda d: [text(d, b"PK\x03\x04 no", "a.npz"), *T], ["a.npz cannot be read"]),
    "pickled npz": (lambda d: [npz(d, y=np.array([{}] * ROWS, object)), *T], ["without Python objects"]),
    "npz without inputs": (lambda d: [npz(d, x=None), *T], ["holds the inputs", "--inputs NAME"]),
    "npz of other lengths": (lambda d: [npz(d, y=np.arange(9)), *T], ["60 numbers or words", "[9]"]),
    "NaN inputs": (lambda d: [npz(d, x=np.full((ROWS, 2), np.nan)), *T], ["NaN or infinity", "row 0"]),
    "negative labels": (lambda d: [npz(d, y=np.arange(ROWS) % 2 - 5), *T], ["outside the range", "-5"]),
    "npz with the option of a table": (lambda d: [npz(d), *T, "--ignore", "x"], ["no option '--ignore'"]),
    "an image that is none": (
        lambda d: [pictures(d, lambda f: (f / "3.png").write_bytes(b"no")), *I],
        ["3.png cannot be read", "Leave it out"],
    ),
    "half an image": (
        lambda d: [pictures(d, lambda f: (f / "3.png").write_bytes((f / "3.png").read_bytes()[:90])), *I],
        ["3.png cannot be read"],
    ),
    "an image that is missing": (
        lambda d: [pictures(d, lambda f: (f / "3.png").unlink()), *I],
        ["There is no image"],
    ),
    "a mask of another size": (
        lambda d: [pictures(d, mask=9), *I, "--aux", "mask"],
        ["differs in size", "8x8", "9x9"],
    ),
    "a mask that is missing": (
        lambda d: [pictures(d, lambda f: (f / "m3.png").unlink()), *I, "--aux", "mask"],
        ["There is no mask"],
    ),
    "an image size of nothing": (lambda d: [pictures(d), *I, "--size", "1"], ["image size", "4 to 1,024"]),
    "image column that is not there": (
        lambda d: [pictures(d), *T, "--image", "fil"],
        ["no column 'fil'", "'file'"],
    ),
    "unlabelled file of other columns": (
        lambda d: [csv(d), *T, "--unlabelled", text(d, b"q\n1\n", "u.csv")],
        ["no column of the labelled table"],
    ),
    "unlabelled file that is not there": (
        lambda d: [csv(d), *T, "--unlabelled", str(d / "u.csv")],
        ["There is no file"],
    ),
    "unknown method": (lambda d: [csv(d), *T, "--methods", "singel"], ["'singel'", "'single'"]),
    "psi of the wrong length": (
        lambda d: [csv(d), *T, "--methods", "maxl", "--set", "psi=0"],
        ["psi"],
    ),
    "unknown class weights": (lambda d: [csv(d), *T, "--set", "class_weights=even"], ["'even'", "balanced"]),
    "a metric of another kind": (lambda d: [csv(d), *T, "--metric", "r2"], ["'r2'", "accuracy"]),
    "a missing label for no target": (lambda d: [csv(d), *T, "--missing", "price=0"], ["missing label"]),
}


def test_at_least_thirty_kinds() -> None:
    assert len(BAD) >= 30


@pytest.mark.parametrize("kind", BAD)
def test_a_clear_message_and_nothing_half_written(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    make, words = BAD[kind]
    brief = ["--set", "steps=2", "--seeds", "1", "--tries", "1", "--jobs", "1"]  # should it be accepted
    assert call("compare", *make(tmp_path), *brief) == 2
    told = " ".join(capsys.readouterr().err.split())
    for word in words:
        assert word in told, told
    assert "Traceback" not in told
    assert not list(Path.cwd().rglob("*.json"))


@pytest.mark.parametrize(
    "words",
    [
        "compare no.csv --target y",
        "compare digits --address auto",
        "fit no.csv --target y",
        "probe digist",
        "predict none no.csv",
        "export none --onnx a.onnx",
        "report none",
        "reproduce maxl_tabel_1",
        "rule apply small no.npz",
        "rule evaluate none",
        "rule evaluate small no.npz",
    ],
)
def test_what_is_wrong_at_a_glance_is_said_before_anything_else(
    words: str, capsys: pytest.CaptureFixture
) -> None:
    assert call(*words.split()) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err[:6]) == ("", "Error:")
    assert not list(Path.cwd().iterdir())


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(AuxinError, match="There is no file"):
        main(["compare", str(tmp_path / "no.csv"), "--target", "y", "--debug"])


@pytest.mark.parametrize("verb", sorted(verbs()))
def test_every_verb_takes_debug(verb: str) -> None:
    assert call(verb, "--debug", "--help") == 0


def test_a_folder_of_another_comparison_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = str(tmp_path / "out")
    asked = ["compare", csv(tmp_path), *T, "--methods", "single", *QUICK, "--out", out]
    assert call(*asked) == 0
    before = sorted(Path(out).rglob("*"))
    capsys.readouterr()
    assert call(*asked, "--seeds", "3") == 2
    assert out in " ".join(capsys.readouterr().err.split())
    assert sorted(Path(out).rglob("*")) == before


def test_a_full_disk(tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write below the results folder fails as on a full disk."""
    out = tmp_path / "out"
    opened = builtins.open

    def full(file: object, mode: str = "r", *rest: object, **named: object) -> object:
        if isinstance(file, str | os.PathLike) and str(out) in str(file) and set(mode) & set("wax+"):
            raise OSError(errno.ENOSPC, "No space left on device", str(file))
        return opened(file, mode, *rest, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(builtins, "open", full)
    monkeypatch.setattr("io.open", full)
    assert call("compare", csv(tmp_path), *T, "--methods", "single", *QUICK, "--out", str(out)) == 2
    told = capsys.readouterr().err
    assert "No space left" in told
    assert "Traceback" not in told
    monkeypatch.undo()
    files = [path for path in out.rglob("*") if path.is_file() and path.name not in (LOCK, UNIT)]
    assert all(path.suffix == ".json" and json.loads(path.read_text()) for path in files), (
        files
    )  # whole, if at all


def test_blanks_around_labels_make_no_classes(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = csv(tmp_path, y=["dog", " dog", "cat ", "cat"] * 15)
    assert call("compare", path, *T, "--methods", "single", *QUICK, "--json") == 0
    assert '"accuracy"' in capsys.readouterr().out


def test_an_auxiliary_that_holds_the_target_is_allowed_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = csv(tmp_path, fine=np.arange(ROWS) % 2 + 7)
    assert call("compare", path, *T, "--aux", "fine", "--methods", "single,equal", *QUICK) == 0
    assert "hold the main one" in " ".join(capsys.readouterr().out.split())


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = Path(csv(tmp_path))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert call("compare", str(path), "--target", "y", "--aux", "fine", "--methods", "single", *QUICK) == 0
    assert call("compare", str(path), "--target", "width", "--methods", "single", *QUICK) == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"w;c;y\n" + b"".join(b"%d,%d;a%d;%d\n" % (i, i % 9, i % 3, i % 2) for i in range(60)),
            "decimal commas: w (",
        ),
        (
            b"w,y\n" + b"".join(b'"%d,%03d",%d\n' % (i, i, i % 2) for i in range(1, 61)),
            "between thousands: w (",
        ),
    ],
)
def test_numbers_with_commas_are_numbers(
    content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert call("compare", text(tmp_path, content), *T, "--methods", "single", *QUICK, "--json") == 0
    assert said in " ".join(capsys.readouterr().err.split())


def test_dates_are_read_and_said(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = csv(tmp_path, when=[f"2024-01-{1 + i % 28:02d}" for i in range(ROWS)])
    assert call("compare", path, *T, "--methods", "single", *QUICK) == 0
    assert "Dates: when (written as ISO8601)." in " ".join(capsys.readouterr().out.split())
