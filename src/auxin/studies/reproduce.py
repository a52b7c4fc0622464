"""Running a recipe: piece by piece, kept as they finish, then the table, the claims and the pictures."""

import hashlib
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from auxin import catalogue
from auxin.errors import ConfigError
from auxin.folders import CONTENT, claim_folder
from auxin.interrupts import Terminated
from auxin.records.recipe import PieceRecord, RecipeRecord
from auxin.requests.reproduce import RecipeRequest
from auxin.runs.environment import hardware, versions
from auxin.runs.executors import Executor, Serial, default_jobs
from auxin.runs.predictions import read_arrays, write_arrays
from auxin.store import digest_of, write_json
from auxin.studies.engine import NotifyProgress, Remaining, Study, Unit, UnitResults, run_study
from auxin.studies.recipe import FinishedPiece, Piece, PieceEnvironment, Recipe

RESULT = "result.json"


def recipe_of(request: RecipeRequest, notify: Callable[[str], None] = lambda _: None) -> Recipe:
    """Return the recipe of a request, of its size and in its folder."""
    made: Recipe = catalogue.load("recipes", request.name)()
    made.size = request.size
    made.environment = PieceEnvironment(request.root, request.folder, notify, request.smoke)
    return made


class Reproduction(Study):
    """One unit per piece of a recipe; then its table, claims and pictures.

    Args:
        request: Request of the user.
        shared: Whether other processes compute pieces in the same folder.

    Raises:
        ConfigError: There is no such recipe, or what it says cannot be run.
        DataError: Data that it needs are not there; nothing has been run.
        RunError: The folder holds something else.
    """

    def __init__(self, request: RecipeRequest, *, shared: bool = False) -> None:
        content_of.cache_clear()  # an earlier study of this process may have read other files
        self.request, self.done = request, {}
        self.recipe = recipe_of(request)
        for data in () if request.smoke else self.recipe.needs:
            self.recipe.data(data)
        self.pieces = _selected(self.recipe, request)
        claim_folder(request.folder, {"recipe": request.name, "smoke": request.smoke}, alone=not shared)
        self.begun = time.monotonic()

    @property
    def plan(self) -> list[Unit]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """One unit per piece."""
        return [self._unit(piece) for piece in self.pieces]

    def units(self, done: UnitResults) -> list[Unit]:
        """One unit per piece; with a time budget, as many at a time as run in parallel and will end within it.

        The first ones are started in any case, so that running again always comes further.
        """
        if self.request.budget is None:
            return self.plan
        finished, left, times = list[Unit](), list[Unit](), Remaining()
        for unit in self.plan:
            record: Any = done.get(unit.digest) or unit.finished()
            (left if record is None else finished).append(unit)
            if record is not None:
                times.finish(unit, record.seconds, time.monotonic())
        room = self.request.budget - (time.monotonic() - self.begun)
        fits = [unit for unit in left if room > 0 and (times.expected(unit) or 0.0) <= room]
        at_once = self.request.compute.jobs or default_jobs()
        return [*finished, *(fits[:at_once] or ([] if done else left[:at_once]))]

    def _unit(self, piece: Piece) -> Unit:
        request = self.request
        needs = () if request.smoke else self.recipe.needs_of(piece)
        identity = {
            "recipe": request.name,
            "smoke": request.smoke,
            "piece": piece.name,
            "settings": dict(piece.settings),
            CONTENT: {name: content_of(self.recipe.data(name)) for name in needs},
        }
        work = partial(_compute, request, piece, digest_of(identity))
        file = request.folder / "pieces" / f"{piece.name}.json"
        like = str({name: value for name, value in piece.settings.items() if name != "seed"})
        return Unit("pieces", piece.name, identity, work, file, PieceRecord, like=like)

    def judge(self, done: UnitResults) -> RecipeRecord:
        """The result over the pieces that are finished, written to `result.json`."""
        request, found = self.request, {}
        for piece in self.pieces:
            unit = self._unit(piece)
            if unit.digest in done:
                arrays = read_arrays(unit.file.with_suffix(".npz")) or {}
                found[piece.name] = FinishedPiece(done[unit.digest], arrays)
        recipe, outcome = self.recipe, self.recipe.outcome(found)
        lines, claims = list(outcome.lines), list(outcome.claims)
        if request.smoke:  # made-up rows decide nothing
            none = {"verdict": "budget too small"}
            lines = [line.model_copy(update=none) if line.verdict else line for line in lines]
            claims = [claim.model_copy(update={"holds": None}) for claim in claims]
        for drawn in outcome.pictures:
            if drawn.arrays:
                write_arrays(request.folder / "pictures" / f"{drawn.picture.name}.npz", drawn.arrays)
        notes = dict.fromkeys([*outcome.notes, *(n for d in found.values() for n in d.found.notes)])
        result = RecipeRecord(
            recipe=request.name,
            citation=str(recipe.paper),
            place=recipe.paper.place,
            url=recipe.paper.url,
            title=recipe.title,
            stand_in=recipe.stand_in,
            departures=list(recipe.departures),
            smoke=request.smoke,
            lines=lines,
            claims=claims,
            pictures=[drawn.picture for drawn in outcome.pictures],
            notes=list(notes),
            pieces=len(found),
            total=len(self.pieces),
            command=request.command,
            seconds=sum(d.found.seconds for d in found.values()),
            versions=versions(),
            hardware=hardware(),
        )
        write_json(request.folder / RESULT, result)
        return result


def reproduce(
    study: Reproduction, executor: Executor | None = None, notify: NotifyProgress = lambda _: None
) -> RecipeRecord:
    """Run a recipe, resuming from what its folder holds; the result is written to `result.json` there.

    Args:
        study: The recipe and its folder.
        executor: Where the pieces are computed; None: in this process.
        notify: Function that is called with progress.

    Returns:
        the result. After an interruption `result.json` holds what was finished.
    """
    try:
        result = run_study(study, executor or Serial(), notify)
    except (KeyboardInterrupt, Terminated):
        if study.done:
            study.judge(study.done)
        raise
    if result.pieces < result.total:
        finished = f"Finished pieces: {result.pieces} of {result.total}"
        notify(f"The time limit is reached. {finished}. Run again to resume.")
    return result


def _selected(recipe: Recipe, request: RecipeRequest) -> list[Piece]:
    """The pieces of the seeds and with the words that the user asks for.

    Raises:
        ConfigError: No piece has such a word in its name, or the recipe has no such size.
    """
    size, pieces = request.size, recipe.pieces(request.smoke)
    seeds = len({piece.settings.get("seed") for piece in pieces})
    if size.seeds is not None and size.seeds != seeds:
        wrong = f"{request.name} cannot be run with this number of seeds"
        raise ConfigError(wrong, expected=f"--seeds {seeds}", found=f"--seeds {size.seeds}")
    if size.rows is not None and not recipe.takes_rows:
        wrong = f"{request.name} has its own number of rows, which --rows does not change"
        raise ConfigError(wrong, expected="a recipe that is a table of runs, or no --rows")
    kept = [piece for piece in pieces if not size.only or any(word in piece.name for word in size.only)]
    if not kept:
        names = ", ".join(piece.name for piece in pieces[:8])
        wrong = f"No piece of the recipe has {' or '.join(size.only)} in its name"
        do = recipe.left_out().rstrip(".")
        raise ConfigError(wrong, expected=f"words from piece names such as {names}", do=do)
    return kept


def _compute(request: RecipeRequest, piece: Piece, digest: str) -> PieceRecord:
    begun = time.perf_counter()
    recipe = recipe_of(request)
    did = recipe.run(piece)
    found = PieceRecord(
        digest=digest,
        piece=piece.name,
        settings=dict(piece.settings),
        values={k: float(v) for k, v in did.values.items()},
        curves={k: [float(x) for x in v] for k, v in did.curves.items()},
        notes=list(did.notes),
        seconds=time.perf_counter() - begun,
    )
    file = request.folder / "pieces" / f"{piece.name}.json"
    if did.arrays:  # first: the record says that the piece is finished
        write_arrays(file.with_suffix(".npz"), did.arrays)
    write_json(file, found)
    return found


@cache
def content_of(folder: Path) -> str:
    """The SHA-256 of a data set's files: their names and contents."""
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(str(file.relative_to(folder)).encode())
        with file.open("rb") as content:
            total.update(hashlib.file_digest(content, "sha256").digest())
    return total.hexdigest()
