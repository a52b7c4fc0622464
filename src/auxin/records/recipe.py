"""What a recipe writes: pieces while it runs, one result in the end, and the arrays of its pictures."""

# ruff: noqa: RUF012  pydantic copies a default for every record

from typing import Literal

from pydantic import Field

from auxin.records.results import Record, Setting
from auxin.store import VERSION

Kind = Literal["lines", "scatter", "bars", "landscape", "loss_images", "points"]
"""The kind of a picture; `auxin.reports.recipe_figures` lists the arrays that each kind reads."""


class PieceRecord(Record):
    """The stored result of one piece of a recipe: one seed of one variant.

    Attributes:
        digest: identifies what was computed by content; empty in files of auxin 0.1.
        piece: Name of the piece.
        settings: What it was run with.
        values: numbers by name.
        curves: lists of numbers by name (over training, over tasks ...).
        notes: What was decided or went wrong, in sentences.
        seconds: Wall time in seconds.
    """

    version: Literal[1] = VERSION
    digest: str = ""
    piece: str
    settings: dict[str, Setting] = {}
    values: dict[str, float] = {}
    curves: dict[str, list[float]] = {}
    notes: list[str] = []
    seconds: float = 0.0


class RecipeRow(Record):
    """One row of the table: ours beside the paper's.

    Attributes:
        name: What is measured.
        ours: The mean over seeds, or the number.
        error: Standard error of the value; None for a single number.
        seeds: Number of seeds.
        paper: The paper's number, in the same unit; None where the paper gives none.
        paper_error: Its error, as the paper prints it.
        unit: Of both, such as "%".
        difference, low, high: ours minus the reference's, paired over seeds, with its 95 % interval; None for a
            reference.
        paper_difference: The same difference in the paper.
        verdict: What that says of the paper's claim.
    """

    name: str
    ours: float
    error: float | None = None
    seeds: int = Field(default=1, ge=1)
    paper: float | None = None
    paper_error: float | None = None
    unit: str = ""
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    paper_difference: float | None = None
    verdict: Literal["", "reproduced", "within noise", "not reproduced", "budget too small"] = ""


class Claim(Record):
    """A sentence of the paper's, and whether it holds here.

    Attributes:
        text: What the paper says.
        found: What was measured, in words.
        holds: Whether it holds; None where the measurement does not decide.
    """

    text: str
    found: str
    holds: bool | None


class Picture(Record):
    """A picture to be drawn from `pictures/NAME.npz`.

    Attributes:
        name: Name of its files.
        kind: How it is drawn.
        title, x, y: Its words, with units.
        words: Further words by the arrays' names (legends, panel titles).
        log_x: Whether the horizontal axis of lines is logarithmic.
    """

    name: str
    kind: Kind
    title: str
    x: str = ""
    y: str = ""
    words: dict[str, str] = {}
    log_x: bool = False


class RecipeRecord(Record):
    """A table or figure of a paper, run again.

    Attributes:
        recipe: Name of the recipe.
        citation, place, url: Citation, place and address of the paper.
        title: What the table or figure shows.
        stand_in: What stands in for data that are not at hand; empty where nothing does.
        departures: Where ours departs from the paper, in sentences.
        smoke: Whether it was the tiny run, whose numbers mean nothing.
        lines: The table.
        claims: What the paper says of it.
        pictures: What can be drawn.
        notes: What was decided on the way.
        pieces: How many pieces of work are finished.
        total: How many it is made of.
        command: Command line that repeats it.
        seconds: wall time of all pieces.
        versions, hardware: Where.
    """

    version: Literal[1] = VERSION
    recipe: str
    citation: str
    place: str = ""
    url: str = ""
    title: str
    stand_in: str = ""
    departures: list[str] = []
    smoke: bool = False
    lines: list[RecipeRow] = []
    claims: list[Claim] = []
    pictures: list[Picture] = []
    notes: list[str] = []
    pieces: int = 0
    total: int = 0
    command: str = ""
    seconds: float = 0.0
    versions: dict[str, str] = {}
    hardware: dict[str, str | int | float] = {}
