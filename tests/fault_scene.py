"""A folder with a small table in it, and commands on it: where the faults of docs/faults.md are made to happen."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auxin import interrupts
from auxin.cli import main
from auxin.exported.folder import checksum
from auxin.folders import LOCK, release_folder

PAGE = Path(__file__).parents[1] / "docs" / "faults.md"
MANY = [
    "--methods",
    "single",
    "--seeds",
    "1",
    "--tries",
    "1",
    "--set",
    "steps=3000",
    "--set",
    "model.hidden=8",
]
RULE = ["rule", "train", "--procedural", "--updates", "2", "--tasks", "2"]
MODULE = """import torch
def trunk(shape): return torch.nn.Sequential(torch.nn.Linear(shape[0], 3), torch.nn.ReLU())
"""
RECIPE = """
from dataclasses import replace
from auxin.paper import AUXILEARN
from auxin.records.recipe import RecipeRow
from auxin.studies.recipe import Piece, PieceResult, Recipe, RecipeOutcome

class Broken(Recipe):
    paper, title, needs = replace(AUXILEARN, place="nowhere"), "Counting", ("wine",)
    def pieces(self, smoke): return [Piece("p0")]
    def run(self, piece): return PieceResult({"n": 1.0})
    def outcome(self, done): return RecipeOutcome([RecipeRow(name="n", ours=1.0)])
"""
QUICK = ["--methods", "single", "--seeds", "1", "--tries", "1", "--jobs", "1", "--set", "steps=3"]


def page() -> dict[str, list[str]]:
    """The page's table: the fault, what is seen, the exit code, what is kept."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][1:]
    cells = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in lines]
    return {cell[0]: cell[1:] for cell in cells if len(cell) == 4}


class Scene:
    """A folder, a table `t.csv` in it, and commands on it.

    Attributes:
        folder: The folder.
        table: The table.
        out: Where commands write.
        patch: pytest's monkeypatch.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.table, self.out, self.patch = folder, folder / "t.csv", folder / "out", patch
        frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=60), "y": ["p", "q"] * 30})
        frame.to_csv(self.table, index=False)

    def call(self, *words: object) -> int:
        """A command in this process; its exit code."""
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        release_folder(self.out)
        return int(stop.value.code or 0)

    @property
    def comparing(self) -> list[object]:
        """The small comparison, as a command."""
        return ["compare", self.table, "--target", "y", "--out", self.out, *QUICK]

    def compare(self, *words: object) -> int:
        """The small comparison."""
        return self.call(*self.comparing, *words)

    @property
    def fitting(self) -> list[object]:
        """The small training of a network, as a command."""
        size = ["--set", "steps=12", "--tries", "1", "--draws", "1", "--jobs", "1", "--no-guard"]
        return ["fit", self.table, "--target", "y", "--method", "single", "--out", self.out, *size]

    def fit(self) -> int:
        """The small training of a network."""
        return self.call(*self.fitting)

    def predict(self, *words: object) -> int:
        """Predict the table with the model of `fit`."""
        return self.call("predict", self.out, self.table, "--out", self.folder / "p.csv", *words)

    def start(self, *words: object) -> subprocess.Popen:
        """A command in a process of its own, which writes a checkpoint after every epoch."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "AUXIN_CHECKPOINT_SECONDS": "0"}
        command = [sys.executable, *map(str, words), "--out", str(self.out)]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def files(self) -> dict[str, bytes]:
        """What `out` holds."""
        whole = (file for file in self.out.rglob("*") if file.is_file() and file.name != LOCK)
        return {str(file.relative_to(self.out)): file.read_bytes() for file in whole}

    def unchanged(self, *words: object) -> int:
        """A command that leaves what `out` holds as it was."""
        before = self.files()
        code = self.call(*words)
        assert self.files() == before
        return code

    def card(self, change: Callable[[dict], object]) -> None:
        """Change `model.json` and sign it."""
        plain = json.loads((self.out / "model.json").read_text())
        change(plain)
        plain["checksum"] = checksum(plain)
        (self.out / "model.json").write_text(json.dumps(plain))

    def plugin(self, code: str, family: str = "methods") -> None:
        """A member called `broken`."""
        (self.folder / "plugins" / family).mkdir(parents=True)
        (self.folder / "plugins" / family / "broken.py").write_text(code)
        self.patch.setenv("AUXIN_PLUGINS", str(self.folder / "plugins"))

    def stopped(self) -> int:
        """A comparison that a signal ended after its first checkpoint."""
        from auxin.training import loop

        self.patch.setenv("AUXIN_CHECKPOINT_SECONDS", "0")
        epoch = loop._epoch

        def ended(*given):
            signal.raise_signal(signal.SIGTERM)
            return epoch(*given)

        with self.patch.context() as patch:
            patch.setattr(loop, "_epoch", ended)
            code = self.compare()
        interrupts._pending = None
        return code


def flip(file: Path, place: int = -200) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(bytes(content))


def refused(number: int) -> Callable[..., object]:
    """A function that the operating system refuses."""

    def refuse(*_: object, **__: object) -> object:
        raise OSError(number, os.strerror(number))

    return refuse


Row = Callable[["Scene"], int]
ROWS: dict[str, tuple[Row, tuple[pytest.MarkDecorator, ...]]] = {}


def row(fault: str, *marks: pytest.MarkDecorator) -> Callable[[Row], Row]:
    """This function makes that row's fault happen; it returns the exit code."""

    def kept(function: Row) -> Row:
        ROWS[fault] = (function, marks)
        return function

    return kept
