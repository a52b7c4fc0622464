"""Running a recipe: piece by piece, kept as they finish, then the table, the claims and the pictures."""

import io
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from auxin import catalogue
from auxin.errors import ConfigError, message
from auxin.records.recipe import Found, Reproduced
from auxin.runs.environment import hardware, versions
from auxin.store import claim_folder, read_json, write_bytes, write_json
from auxin.studies.recipe import Arrays, Bench, Did, Done, Outcome, Piece, Recipe, Size

RESULT = "result.json"


@dataclass(frozen=True)
class Told:
    """How far a recipe is."""

    done: int
    total: int
    piece: str


Tell = Callable[[Told | str], None]


def reproduce(
    name: str,
    out: Path,
    root: Path | None = None,
    smoke: bool = False,
    tell: Tell = lambda _: None,
    command: str = "",
    size: Size | None = None,
    budget: float | None = None,
) -> Reproduced:
    """Run a recipe, going on where it stopped; the result is written to `out/result.json`.

    Args:
        name: a name that `auxin ls recipes` shows.
        out: the folder of the result files; it belongs to this recipe and this size.
        root: the folder that holds the data sets' folders.
        smoke: the tiny run.
        tell: told of progress.
        command: the command line that does it again.
        size: other seeds or fewer rows than the recipe's own.
        budget: wall seconds after which no further piece is begun; the same command goes on.

    Raises:
        ConfigError: there is no such recipe, or what it says cannot be run.
        DataError: data that it needs are not there; nothing has been run.
        RunError: the folder holds something else.
    """
    recipe: Recipe = catalogue.load("recipes", name)()
    recipe.size = size or Size()
    bench = recipe.bench = Bench(root, out, tell, smoke)
    for data in () if smoke else recipe.needs:
        bench.data(data)
    pieces = _asked(recipe.pieces(smoke), recipe.size)
    claim_folder(out, {"recipe": name, "smoke": smoke})
    begun = time.monotonic()
    done: dict[str, Done] = {}
    for number, piece in enumerate(pieces):
        tell(Told(number, len(pieces), piece.name))
        if budget is not None and time.monotonic() - begun > budget and done:
            tell(
                f"The budget is spent: {number} of {len(pieces)} pieces are finished; the same command goes on."
            )
            break
        done[piece.name] = finished(piece, out) or _run(recipe, piece, bench)
        _finish(
            name, recipe, done, len(pieces), out, smoke, command
        )  # so that an interrupted run leaves what it has
    tell(Told(len(done), len(pieces), ""))
    return read_json(out / RESULT, Reproduced)


def _asked(pieces: list[Piece], size: Size) -> list[Piece]:
    """The pieces of the seeds and with the words that the user asks for.

    Raises:
        ConfigError: no piece has such a word in its name.
    """
    if size.seeds is not None:
        pieces = [piece for piece in pieces if int(piece.settings.get("seed", 0) or 0) < size.seeds]
    kept = [piece for piece in pieces if not size.only or any(word in piece.name for word in size.only)]
    if not kept:
        names = ", ".join(piece.name for piece in pieces[:8])
        wrong = f"No piece of the recipe has {' or '.join(size.only)} in its name"
        raise ConfigError(message(wrong, expected=f"words of names such as {names}"))
    return kept


def finished(piece: Piece, out: Path) -> Done | None:
    """A piece that is there already with the very same settings, or None."""
    file = out / "pieces" / f"{piece.name}.json"
    if not file.exists():
        return None
    found = read_json(file, Found)
    if found.settings != dict(piece.settings):
        return None
    return Done(found, read_arrays(file.with_suffix(".npz")))


def _run(recipe: Recipe, piece: Piece, bench: Bench) -> Done:
    begun = time.perf_counter()
    did: Did = recipe.run(piece, bench)
    found = Found(
        piece=piece.name,
        settings=dict(piece.settings),
        values={k: float(v) for k, v in did.values.items()},
        curves={k: [float(x) for x in v] for k, v in did.curves.items()},
        notes=list(did.notes),
        seconds=time.perf_counter() - begun,
    )
    file = bench.folder / "pieces" / f"{piece.name}.json"
    write_arrays(file.with_suffix(".npz"), did.arrays)  # first: the record says that the piece is finished
    write_json(file, found)
    return Done(found, read_arrays(file.with_suffix(".npz")))


def _finish(
    name: str, recipe: Recipe, done: Mapping[str, Done], total: int, out: Path, smoke: bool, command: str
) -> None:
    outcome: Outcome = recipe.outcome(done)
    for drawn in outcome.pictures:
        write_arrays(out / "pictures" / f"{drawn.picture.name}.npz", drawn.arrays)
    notes = dict.fromkeys([*outcome.notes, *(n for d in done.values() for n in d.found.notes)])
    result = Reproduced(
        recipe=name,
        citation=str(recipe.paper),
        place=recipe.paper.place,
        url=recipe.paper.url,
        title=recipe.title,
        stand_in=recipe.stand_in,
        departures=list(recipe.departures),
        smoke=smoke,
        lines=list(outcome.lines),
        claims=list(outcome.claims),
        pictures=[drawn.picture for drawn in outcome.pictures],
        notes=list(notes),
        pieces=len(done),
        total=total,
        command=command,
        seconds=sum(d.found.seconds for d in done.values()),
        versions=versions(),
        hardware=hardware(),
    )
    write_json(out / RESULT, result)


def write_arrays(file: Path, arrays: Arrays) -> None:
    """Arrays by name as `.npz`, whole or not at all; nothing for none."""
    if not arrays:
        return
    buffer = io.BytesIO()
    plain: dict[str, Any] = {name: np.asarray(value) for name, value in arrays.items()}
    np.savez_compressed(buffer, **plain)
    write_bytes(file, buffer.getvalue())


def read_arrays(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a file that `write_arrays` wrote; none where there is no file."""
    if not file.exists():
        return {}
    with np.load(file, allow_pickle=False) as found:
        return {name: found[name] for name in found.files}
