"""A user's own table: CSV, TSV, Parquet or ARFF, with a target column and any auxiliary ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from auxin.data._base import Dataset, Source
from auxin.data._columns import (
    gives_away,
    kinds_said,
    parse_kinds,
    split_rows,
    target_of,
    text_said,
    useless,
    words,
)
from auxin.data._encoder_table import Columns
from auxin.data._frame import SUFFIXES, read_frame
from auxin.data._targets import listed, pick, refinements
from auxin.errors import ConfigError, DataError, message


class Table(Source):
    """One row per sample, read by pandas; empty cells are missing.

    Columns that are no target are inputs: numbers, standardised on the training rows, or words, one input per
    category. A missing number stands for the mean, and one more input says that it is missing. Left out, and
    noted: columns of one value, running numbers, and columns that hold the main target itself (equal to it,
        in
    bijection with it, or exactly linear in it).

    Targets: words, booleans and whole numbers of at most 20 different values are classes, in their sorted
    order; other numbers are regression.

    Options:
        target: the column of the main task.
        aux: the columns of the auxiliary tasks, a list or separated by commas.
        ignore: columns to leave out, a list or separated by commas.
        keep: columns to keep although they hold the target, a list or separated by commas.
        kinds: kinds of targets said outright, "COLUMN=classes|ordered|regression", separated by commas.
        split: a column of the words train and test, which marks the official test rows.
        text: columns that are text, a list or separated by commas; others are where they look it.
        encoding: of a text file, "utf-8" where not given.
    """

    options: ClassVar[tuple[str, ...]] = (
        "target",
        "aux",
        "ignore",
        "keep",
        "kinds",
        "split",
        "text",
        "encoding",
    )
    suffixes: ClassVar[tuple[str, ...]] = SUFFIXES

    @classmethod
    def load(
        cls,
        root: Path | None,
        *,
        target: str | None = None,
        aux: str | Sequence[str] = (),
        ignore: str | Sequence[str] = (),
        keep: str | Sequence[str] = (),
        kinds: str = "",
        split: str | None = None,
        text: str | Sequence[str] = (),
        encoding: str = "utf-8",
        **options: Any,
    ) -> Dataset:
        """Read the file `root`."""
        del options
        if root is None or target is None:
            what = "Which file is to be read" if root is None else f"Which column of {root} is the target"
            raise ConfigError(message(what + " is not said", expected="FILE --target COLUMN"))
        frame: Any = read_frame(root, encoding)
        names, said = listed(target, aux), parse_kinds(kinds)
        for name in [*names, *words(ignore), *words(keep), *words(text), *said, *([split] if split else [])]:
            pick(str(root), dict.fromkeys(frame.columns), name)
        made = {name: target_of(str(root), frame[name], said.get(name)) for name in names}
        tasks, y = {n: task for n, (task, _) in made.items()}, {n: values for n, (_, values) in made.items()}
        out = {*names, *words(ignore), *([split] if split else [])}
        rest, notes = _inputs(root, frame.drop(columns=list(out)), frame[target], words(keep))
        others = [name for name in frame.columns if name not in rest.columns]
        encoder = Columns.of(str(root), rest, words(text), others, encoding)
        x, blank = encoder.encode(rest)
        notes = [kinds_said(tasks), *notes, *text_said(encoder.texts)]
        return Dataset(
            name=root.name.split(".")[0],
            x=x,
            tasks=tasks,
            y=y,
            main=target,
            official_test=split_rows(str(root), frame, split),
            parents=refinements(tasks, y, target),
            source=root.name,
            blank=blank,
            encoder=encoder,
            raw=rest,
            notes=tuple(notes),
        )


def _inputs(path: Path, frame: Any, target: Any, keep: Sequence[str]) -> tuple[Any, list[str]]:
    """The columns that are inputs, and sentences about those that are left out."""
    notes = []
    nothing = useless(frame)
    leaks = [name for name in gives_away(frame.drop(columns=nothing), target) if name not in keep]
    if nothing:
        notes.append(f"Left out, of one value or a running number: {', '.join(nothing)}.")
    if leaks:
        notes.append(f"Left out, because they hold the target: {', '.join(leaks)} (keep them with --keep).")
    rest = frame.drop(columns=[*nothing, *leaks])
    if rest.columns.empty:
        raise DataError(
            message(
                f"No column of {path} is left as input",
                expected="columns besides the targets",
                found=" ".join(notes) or "only targets",
            )
        )
    return rest, notes
