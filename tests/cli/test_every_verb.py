"""Every verb that writes files: a lock, a full or read-only disk, and results of other data, settings or versions.

A new verb has to stand in `CALLS`, or among those that write nothing.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from filelock import FileLock

from auxin.cli import verbs
from auxin.cli.rule import app as rule_app
from auxin.folders import LOCK, release_folder
from fault_scene import QUICK, RECIPE, RULE, Scene

WRITE_NOTHING = {"ls"}
RARELY = ["--quick", "--nets", "1", "--steps", "0,1", "--hidden", "8", "--jobs", "1"]
NETWORK = [
    "--method",
    "single",
    "--set",
    "steps=12",
    "--tries",
    "1",
    "--draws",
    "1",
    "--jobs",
    "1",
    "--no-guard",
]
OUT = "OUT"


@dataclass(frozen=True)
class Call:
    """A command that writes.

    Attributes:
        words: The command; OUT stands for what it writes, DATA for a file of rows, MODEL for a model, COMPARED for
            a finished comparison.
        other: Words that make it another study; none where it computes everything anew at each call.
        content: Whether its results depend on a file of rows, so that other rows make it another study; the
            table of faults has the case of a recipe.
        keeps: Where it locks, below OUT; None: it writes single files, each whole or not at all.
    """

    words: tuple[str, ...]
    other: tuple[str, ...] = ()
    content: bool = True
    keeps: str | None = ""

    @property
    def verb(self) -> str:
        """Its name."""
        return " ".join(self.words[: 2 if self.words[0] == "rule" else 1])


TABLE = ("DATA", "--target", "y")
CALLS = {
    "compare": Call(("compare", *TABLE, *QUICK, "--out", OUT), ("--set", "lr=0.2")),
    "compare --labels-per-class": Call(
        ("compare", *TABLE, *QUICK, "--labels-per-class", "6,8", "--out", OUT), ("--set", "lr=0.2")
    ),
    "compare --confirm": Call(
        ("compare", *TABLE, *QUICK, "--out", "COMPARED", "--confirm"), ("--set", "lr=0.2")
    ),
    "fit": Call(("fit", *TABLE, *NETWORK, "--out", OUT), ("--seed", "1")),
    "probe": Call(
        ("probe", *TABLE, "--aux", "b", "--seeds", "1", "--jobs", "1", "--set", "steps=3", "--out", OUT),
        ("--damping", "0.5"),
    ),
    "reproduce": Call(("reproduce", "broken", "--root", "ROOT", "--out", OUT), ("--smoke",), content=False),
    "rule train": Call((*RULE, "--out", OUT), ("--seed", "1"), content=False),
    "rule evaluate": Call(
        ("rule", "evaluate", "small", "ARRAYS", *RARELY, "--shots", "2", "--out", OUT),
        ("--seed", "1"),
        keeps="parts/rows",
    ),
    "rule apply": Call(("rule", "apply", "small", "ARRAYS", "--steps", "1", "--out", OUT), ("--seed", "1")),
    "predict": Call(("predict", "MODEL", "DATA", "--out", "OUT/p.csv"), keeps=None),
    "predict to Parquet": Call(("predict", "MODEL", "DATA", "--out", "OUT/p.parquet"), keeps=None),
    "export": Call(("export", "MODEL", "--torch", "OUT/m.pt2"), keeps=None),
    "report": Call(("report", "COMPARED", "--figures", "svg", "--out", "OUT/r.html"), keeps=None),
    "report of a model": Call(("report", "MODEL", "--out", "OUT/r.html"), keeps=None),
    "new": Call(("new", "combiner", "mine", "--folder", OUT), keeps=None),
}
STUDIES = [name for name, call in CALLS.items() if call.keeps is not None]


def test_every_verb_is_here() -> None:
    group: Any = typer.main.get_command(rule_app)
    known = {*verbs(), *(f"rule {name}" for name in group.commands)} - {"rule"}
    assert {call.verb for call in CALLS.values()} == known - WRITE_NOTHING


class Place(Scene):
    """A scene with rows, arrays, a model and a comparison in it."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, patch)
        patch.chdir(folder)  # a study knows its data by the path that was typed
        self.rows(0)
        (folder / "wine").mkdir(exist_ok=True)
        (folder / "wine" / "a.csv").write_text("1")

    def rows(self, seed: int) -> None:
        """The rows, drawn with a seed."""
        draw = np.random.default_rng(seed)
        x = draw.normal(size=(60, 2)).round(3)
        frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": ["p", "q"] * 30})
        frame.to_csv(self.table, index=False)
        np.savez(self.folder / "rows.npz", x=draw.random((60, 4)), y=np.arange(60) % 2)

    def words(self, call: Call, out: str = "out") -> list[str]:
        """A command on this place's files."""
        places = {
            "OUT": out,
            "DATA": "t.csv",
            "ARRAYS": "rows.npz",
            "MODEL": "model",
            "COMPARED": "compared",
            "ROOT": ".",
        }
        made = []
        for word in call.words:
            first, mark, rest = word.partition("/")
            made.append(f"{places[first]}{mark}{rest}" if first in places else word)
        return made


@contextmanager
def patching(folder: Path) -> Iterator[Place]:
    """A place, and a patch that ends with it."""
    with pytest.MonkeyPatch.context() as patch:
        yield Place(folder, patch)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and a comparison, made once, and beside them what each verb makes."""
    folder = tmp_path_factory.mktemp("begun")
    with patching(folder) as place:
        plugin(place)
        for name, call in (("model", CALLS["fit"]), ("compared", CALLS["compare"])):
            assert place.call(*place.words(call, name)) == 0
            release_folder(folder / name)
    return folder


def plugin(place: Place) -> None:
    """The recipe of a plugin."""
    if not (place.folder / "plugins").exists():
        place.plugin(RECIPE, "recipes")
    place.patch.setenv("AUXIN_PLUGINS", str(place.folder / "plugins"))


@pytest.fixture(scope="module")
def made(begun: Path) -> Callable[[str], Path]:
    """What a study's first call leaves, made once for each."""
    done: dict[str, Path] = {}

    def of(name: str) -> Path:
        if name not in done:
            folder = done[name] = begun.parent / f"made-{len(done)}"
            shutil.copytree(begun, folder)
            with patching(folder) as place:
                plugin(place)
                assert place.call(*place.words(CALLS[name])) == 0
                released(folder)
        return done[name]

    return of


def released(folder: Path) -> None:
    """Let go of every lock below a folder."""
    for lock in [*folder.rglob(LOCK)]:
        release_folder(lock.parent)


@pytest.fixture
def place(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A copy of what is there before a verb's first call."""
    shutil.copytree(begun, tmp_path / "copy")
    found = Place(tmp_path / "copy", monkeypatch)
    plugin(found)
    yield found
    released(tmp_path)


def content(folder: Path) -> dict[str, bytes]:
    """The files of a folder, but for locks, claims and what Python compiles of plugins."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name != LOCK and file.suffix != ".pyc"
    }


def said(capsys: pytest.CaptureFixture) -> str:
    """What was printed, in one line."""
    captured = capsys.readouterr()
    text = " ".join((captured.out + captured.err).split())
    assert "bug in auxin" not in text
    return text


@pytest.mark.parametrize("name", STUDIES)
def test_a_folder_that_another_command_writes_into_is_refused(name: str, place: Place, capsys) -> None:
    call = CALLS[name]
    out = place.folder / ("compared" if "COMPARED" in call.words else "out")
    keeps = out / str(call.keeps)
    keeps.mkdir(parents=True, exist_ok=True)
    with FileLock(keeps / LOCK):
        assert place.call(*place.words(call)) == 2
    assert "Another auxin command is writing into" in said(capsys)


CHANGES = [
    (name, change)
    for name in STUDIES
    for change in ("data", "settings", "version")
    if change != "data" or CALLS[name].content
]


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_results_of_other_data_settings_or_versions_are_refused_and_kept(
    name: str, change: str, made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    call = CALLS[name]
    shutil.copytree(made(name), tmp_path / "copy")
    place = Place(tmp_path / "copy", monkeypatch)
    plugin(place)
    words = place.words(call)
    before = content(place.folder)
    if change == "data":
        place.rows(1)
    elif change == "version":
        monkeypatch.setattr("auxin.folders._version", lambda: "9.9.9")
    else:
        words += call.other
    rows = {"t.csv", "rows.npz"}
    assert place.call(*words) == 2
    expected = {"data": "results of other data", "settings": "different study", "version": "another version"}
    assert expected[change] in said(capsys)
    after = content(place.folder)
    assert {k: v for k, v in after.items() if k not in rows} == {
        k: v for k, v in before.items() if k not in rows
    }
    released(tmp_path)


def refusing(patch: pytest.MonkeyPatch, where: str, number: int, after: int) -> list[int]:
    """Let so many calls of a function of the system pass, and refuse all further ones; counts them."""
    module, name = {"fsync": (os, "fsync"), "mkstemp": (tempfile, "mkstemp")}[where]
    own, calls = getattr(module, name), []

    def call(*given: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) > after:
            raise OSError(number, os.strerror(number))
        return own(*given, **named)

    patch.setattr(f"auxin.store.{module.__name__}.{name}", call)
    return calls


@pytest.mark.parametrize("where", ["fsync", "mkstemp"])
@pytest.mark.parametrize("name", CALLS)
def test_a_full_or_read_only_disk_is_said(name: str, where: str, place: Place, capsys) -> None:
    number = errno.ENOSPC if where == "fsync" else errno.EROFS
    before = content(place.folder)
    with pytest.MonkeyPatch.context() as patch:
        refusing(patch, where, number, after=0)
        assert place.call(*place.words(CALLS[name])) == 2
    assert ("The disk is full" if where == "fsync" else "A result file cannot be written") in said(capsys)
    assert content(place.folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_a_disk_that_fills_up_loses_nothing(name: str, place: Place, capsys) -> None:
    """Of the writes of a whole call, each third is refused in turn; the same command then ends well."""
    call = CALLS[name]
    words = place.words(call)
    with pytest.MonkeyPatch.context() as patch:
        calls = refusing(patch, "fsync", errno.ENOSPC, after=10**6)
        assert place.call(*words) == 0
    whole, count = {*content(place.folder)}, len(calls)
    for after in sorted({count // 3, 2 * count // 3, count - 1}):
        shutil.rmtree(place.folder / "out", ignore_errors=True)
        (place.folder / "compared" / "confirmation.json").unlink(missing_ok=True)
        released(place.folder)
        with pytest.MonkeyPatch.context() as patch:
            refusing(patch, "fsync", errno.ENOSPC, after=after)
            assert place.call(*words) == 2
        assert "The disk is full" in said(capsys)
        assert not [*place.folder.rglob("*.part")]
        if name == "new":  # it never overwrites what is there
            continue
        released(place.folder)
        assert place.call(*words) == 0
        assert {*content(place.folder)} == whole
