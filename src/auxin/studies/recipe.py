"""The contract of a recipe: one table or figure of a paper, and how to make it again.

A recipe is cut into *pieces* (a seed, a variant, a cell of the table). `run` does one piece, on its own and from its
settings alone, so that pieces are kept, resumed and could run anywhere; `outcome` makes the table, the claims and the
pictures from what all pieces found. `auxin reproduce NAME` does the rest (`auxin.studies.reproduce`), and
`auxin.reports` draws.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from auxin import catalogue
from auxin.data import DataSource
from auxin.data.fixtures import fixture
from auxin.errors import DataError
from auxin.paper import Paper
from auxin.records.recipe import Claim, Picture, PieceRecord, RecipeRow
from auxin.records.results import Setting
from auxin.requests.reproduce import RecipeSize

Arrays = Mapping[str, Any]
"""Arrays by name, what a picture is drawn from."""


def one_rate(optimizer: torch.optim.Optimizer | None, rate: float) -> None:
    """One learning rate for every parameter of phi, as the paper has it; auxin gives each layer a rate of its own."""
    for group in [] if optimizer is None else optimizer.param_groups:
        group["lr"] = rate


@dataclass(frozen=True)
class Piece:
    """One piece of work.

    Attributes:
        name: unique within the recipe; the name of its file.
        settings: everything that `run` reads, flat.
    """

    name: str
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def number(self, name: str) -> int:
        """A setting that is a whole number."""
        return int(self.settings[name] or 0)

    @property
    def seed(self) -> int:
        """The piece's seed."""
        return self.number("seed")

    @property
    def smoke(self) -> bool:
        """Whether it is a piece of the tiny run."""
        return bool(self.settings["smoke"])


@dataclass(frozen=True)
class PieceEnvironment:
    """The environment in which a piece runs.

    Attributes:
        root: Folder that holds one folder per data set, or None.
        folder: Folder of the recipe's files. A piece may store large files (a trained network) there.
        notify: Callback that receives progress sentences.
        smoke: Whether this is the tiny run, which reads fixtures: a few made-up rows in the data set's file format.
    """

    root: Path | None
    folder: Path
    notify: Callable[[str], None] = lambda _: None
    smoke: bool = False

    def data(self, name: str) -> Path:
        """The folder of a data set; of its fixture in the tiny run.

        Raises:
            DataError: No root was given, or it has no such folder.
        """
        if self.smoke:
            return fixture(name, self.folder / "fixtures" / name)
        if self.root is None or not (self.root / name).is_dir():
            raise DataError(
                f"The data set {name} was not found",
                expected=f"a folder DIR that contains DIR/{name}",
                found="no --root" if self.root is None else f"no folder {self.root / name}",
                do=f"Pass the folder with --root DIR. {_fetching(name)}",
            )
        return self.root / name


FILES = {
    "imdb": "imdb_train.csv.gz and imdb_test.csv.gz, each a table with the columns label (0 or 1) and text"
}
"""The files of data sets that only recipes read."""


def _fetching(name: str) -> str:
    """How a user gets the files of a data set.

    >>> _fetching("mnist")
    "This Python line fetches them: auxin.data.load('mnist', 'DIR/mnist', download=True)"
    """
    if name in FILES:
        return f"Its files are {FILES[name]}"
    source: type[DataSource] = catalogue.load("data", name)
    if source.where:
        return f"auxin cannot fetch its files: get them by hand from {source.where} and unpack them in DIR/{name}"
    return f"This Python line fetches them: auxin.data.load({name!r}, 'DIR/{name}', download=True)"


@dataclass(frozen=True)
class PictureData:
    """A figure and its arrays."""

    picture: Picture
    arrays: Arrays


@dataclass(frozen=True)
class RecipeOutcome:
    """The outcome of a recipe: table lines, checked claims of the paper, figures, and notes."""

    lines: Sequence[RecipeRow] = ()
    claims: Sequence[Claim] = ()
    pictures: Sequence[PictureData] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class PieceResult:
    """The result of one piece, as `run` returns it: values, curves, arrays for figures, and notes."""

    values: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    arrays: Arrays = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class FinishedPiece:
    """A finished piece, read from its files: its record and its arrays."""

    found: PieceRecord
    arrays: Mapping[str, np.ndarray]


class Recipe(ABC):
    """One table or figure of a paper.

    Attributes:
        paper: The paper, with the place in it.
        title: What the table or figure shows.
        stand_in: What stands in for data or scale that are not at hand, in a sentence; empty where nothing does.
        needs: The data sets' folders it reads below `--root`.
        minutes: About how long it takes on one core.
        departures: Where ours departs from the paper or its authors' code, in sentences.
        takes_rows: Whether the user can limit its training rows.
        size: What the user changes of it.
        environment: Where it runs; None before it does.
    """

    paper: ClassVar[Paper]
    title: ClassVar[str]
    stand_in: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    minutes: ClassVar[float] = 1.0
    departures: ClassVar[tuple[str, ...]] = ()
    takes_rows: ClassVar[bool] = False
    size: RecipeSize = RecipeSize()
    environment: PieceEnvironment | None = None

    @abstractmethod
    def pieces(self, smoke: bool) -> list[Piece]:
        """The pieces of work, in order; with `smoke`, few and tiny ones that only show that it runs."""

    def seeds(self, usual: int, smoke: bool, tiny: int = 1) -> range:
        """The seeds of the pieces: as many as the user asks for; by default `usual`, or `tiny` in the tiny run."""
        return range(self.size.seeds or (tiny if smoke else usual))

    def seed_pieces(self, seeds: Iterable[int], **settings: Setting) -> list[Piece]:
        """One piece per seed, all with these settings."""
        return [Piece(f"seed-{s}", {"seed": s, **settings}) for s in seeds]

    @property
    def folder(self) -> Path:
        """The folder of the recipe's files, while it runs."""
        assert self.environment is not None
        return self.environment.folder

    def data(self, name: str) -> Path:
        """The folder of a data set, while it runs.

        Raises:
            DataError: It is not there.
        """
        assert self.environment is not None
        return self.environment.data(name)

    def left_out(self) -> str:
        """A sentence about the pieces that are left out because their data are not at hand; empty where none is."""
        return ""

    def needs_of(self, piece: Piece) -> Sequence[str]:
        """The data sets that a piece reads: all that the recipe needs, where it does not say otherwise."""
        del piece
        return self.needs

    @abstractmethod
    def run(self, piece: Piece) -> PieceResult:
        """Do one piece of work, from its settings alone.

        Raises:
            DataError: The data it needs are not there.
        """

    @abstractmethod
    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Table, claims and pictures from the finished pieces, by name, in order.

        It may be asked with some pieces missing (an interrupted run), never with none.
        """
