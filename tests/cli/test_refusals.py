"""What no file, setting, name or disk may do: end as a fault in auxin. Each is refused in words, with exit code 2."""

import errno
import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auxin.cli import main
from auxin.errors import ConfigError
from auxin.requests.hyperparameters import Hyperparameters, all_checked
from auxin.requests.values import settings

LONG = "x" * 5000
QUICK = ["--methods", "single", "--seeds", "1", "--tries", "1", "--jobs", "1", "--set", "steps=3"]


def call(*words: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return int(stop.value.code or 0)


def plain(folder: Path) -> Path:
    np.savez(folder / "a.npz", x=np.random.default_rng(0).normal(size=(60, 3)), y=np.arange(60) % 2)
    return folder / "a.npz"


def claimed(folder: Path, shape: tuple[int, ...]) -> Path:
    head, labels = io.BytesIO(), io.BytesIO()
    form = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, form)
    np.save(labels, np.arange(60) % 2)
    with zipfile.ZipFile(folder / "a.npz", "w") as archive:
        archive.writestr("x.npy", head.getvalue() + b"0" * 80)
        archive.writestr("y.npy", labels.getvalue())
    return folder / "a.npz"


def patched(folder: Path, place: int, value: int) -> Path:
    """The archive with a number of every member's header changed, in both of zip's headers."""
    content = bytearray(plain(folder).read_bytes())
    for mark, offset in ((b"PK\x03\x04", place), (b"PK\x01\x02", place + 2)):
        at = 0
        while (at := content.find(mark, at)) >= 0:
            struct.pack_into("<H", content, at + offset, value)
            at += 4
    (folder / "a.npz").write_bytes(content)
    return folder / "a.npz"


def strange(folder: Path) -> Path:
    with zipfile.ZipFile(plain(folder), "a") as archive:
        archive.writestr("notes.txt", "hello")
    return folder / "a.npz"


def table(folder: Path, name: str = "t.csv", **columns: object) -> Path:
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=60), "y": ["p", "q"] * 30} | columns)
    (frame.to_parquet if name.endswith("parquet") else lambda f: frame.to_csv(f, index=False))(folder / name)
    return folder / name


def short(folder: Path) -> Path:
    head = "@relation r\n@attribute a numeric\n@attribute y {p,q}\n@data\n"
    (folder / "t.arff").write_text(head + "1,p\n2,q\n" * 30 + "3\n")
    return folder / "t.arff"


FILES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a huge claimed shape": (lambda d: claimed(d, (10**9, 10**6)), "Unable to allocate"),
    "a shape beyond 64 bits": (lambda d: claimed(d, (10**18, 10**18)), "a.npz cannot be read"),
    "a negative shape": (lambda d: claimed(d, (-5, 3)), "a.npz cannot be read"),
    "an encrypted member": (lambda d: patched(d, 6, 1), "encrypted"),
    "an unknown compression": (lambda d: patched(d, 8, 99), "compression method"),
    "a member that is no array": (strange, "'notes.txt'"),
    "a short ARFF row": (short, "line 65: 1 values"),
    "binary Parquet targets": (lambda d: table(d, "t.parquet", y=[b"p", b"\xffq"] * 30), "y"),
    "a constant number": (lambda d: table(d, y=[1.5] * 60), "same in every row"),
    "one class": (lambda d: table(d, y=["p"] * 60), "only 'p'"),
    "equal rows": (lambda d: table(d, a=[1.0] * 60), "left as input"),
}


@pytest.mark.parametrize("verb", ["compare", "fit"])
@pytest.mark.parametrize("kind", FILES)
def test_files(verb: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    make, words = FILES[kind]
    assert call(verb, make(tmp_path), "--target", "y", *(QUICK if verb == "compare" else [])) == 2
    assert words in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "pair",
    ["steps=1e400", "steps=-5", "steps=nan", "steps=1e30", "lr=nan", "lr=-1", "lr=0", "batch=0", "momentum=2", "psi=0",
     "clip=0", "every=0", "average=0", "looks=-1", "model.depth=nan", "labeler.x=-inf", "unlabelled_ratio=-1"],
)  # fmt: skip
def test_settings_have_bounds(pair: str) -> None:
    with pytest.raises(ConfigError, match=f"The setting {pair.split('=')[0]} is out of bounds"):
        all_checked(settings([pair]))


def test_every_bound_is_of_a_setting_and_takes_its_ends() -> None:
    ends = {
        name: {key: getattr(m, key) for m in info.metadata for key in ("ge", "gt", "le") if hasattr(m, key)}
        for name, info in Hyperparameters.model_fields.items()
        if info.annotation in (int, float, int | None, float | None)
    }
    assert len(ends) >= 19
    for name, bounds in ends.items():
        assert all_checked(settings([f"{name}={bounds['le']:.0f}"])) == {name: bounds["le"]}
        if "ge" in bounds:
            assert all_checked(settings([f"{name}={bounds['ge']}"])) == {name: bounds["ge"]}


@pytest.mark.parametrize(
    "words",
    [["compare", LONG], ["fit", LONG], ["probe", LONG], ["report", LONG], ["predict", LONG, "t.csv"], ["export", LONG,
     "--torch", "m.pt2"], ["rule", "apply", LONG, "digits"], ["rule", "apply", "small", LONG],
     ["rule", "evaluate", LONG],
     ["rule", "train", "--data", LONG, "--procedural"], ["compare", "images", "--root", LONG], ["reproduce", LONG],
     ["compare", "digits", "--out", LONG, *QUICK], ["compare", "a\0.csv", "--target", "y"]],
)  # fmt: skip
def test_long_names(words: list[str], capsys: pytest.CaptureFixture) -> None:
    assert call(*words) == 2
    assert "bug in auxin" not in capsys.readouterr().err


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("verb", ["train", "apply"])
def test_rules_on_a_full_or_read_only_disk(
    verb: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("auxin.store.tempfile.mkstemp", full)
    words = (
        ["train", "--procedural", "--updates", "1"]
        if verb == "train"
        else ["apply", "small", "digits", "--steps", "1"]
    )
    assert call("rule", *words, "--out", tmp_path / "out") == 2
    told = capsys.readouterr().err
    assert ("disk is full" if code == errno.ENOSPC else "cannot be written") in told


def test_a_rule_is_not_trained_in_the_folder_of_another_verb(tmp_path: Path, capsys) -> None:
    (tmp_path / "manifest.json").write_text('{"fit": ["t.csv", []], "data content": "x"}')
    (tmp_path / "model.json").write_text("{}")
    assert call("rule", "train", "--procedural", "--updates", "1", "--out", tmp_path) == 2
    assert "different study" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["[]", "3", "null", '{"version": 1}', "\x00"])
@pytest.mark.parametrize(
    "name", ["comparison.json", "manifest.json", "model.json", "label_budget.json", "probe.json"]
)
def test_result_files_that_hold_something_else(name: str, content: str, tmp_path: Path, capsys) -> None:
    (tmp_path / name).write_text(content)
    assert call("report", tmp_path) == 2
    assert call("predict", tmp_path, tmp_path / "t.csv") == 2
    assert "bug in auxin" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["export", "m", "--onnx", "x.txt"],
            "x.txt does not fit what is written. Expected .onnx. Found '.txt'",
        ),
        (["export", "m", "--torch", "x"], "x does not fit what is written. Expected .pt2. Found no ending"),
        (["report", "m", "--out", "x.pdf"], "Expected .html or .htm. Found '.pdf'"),
        (["reproduce", "maxl_table_1", "--root", "FILE"], "(--root) is not a folder"),
        (["rule", "train", "--procedural", "--root", "FILE"], "(--root) is not a folder"),
        (["rule", "apply", "small", "digits", "--root", "FILE"], "(--root) is not a folder"),
    ],
)
def test_names_that_cannot_be_meant(words: list[str], told: str, tmp_path: Path, capsys) -> None:
    (tmp_path / "FILE").write_text("")
    assert call(*(tmp_path / "FILE" if word == "FILE" else word for word in words)) == 2
    assert told in " ".join(capsys.readouterr().err.split())
