"""A user's own table: CSV, TSV, Parquet or ARFF, with a target column and any auxiliary ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from torch import Tensor

from auxin.data.base import Dataset, DataSource
from auxin.data.encoders.table import TableEncoder
from auxin.data.encoders.text import MAX_WORDS
from auxin.data.reading.files import pick
from auxin.data.reading.frame import SUFFIXES, columns_of, read_frame, with_unlabelled
from auxin.data.targets.cells import word
from auxin.data.targets.columns import (
    check_cells,
    form_of_labels,
    groups_of,
    kinds_note,
    split_rows,
    target_of,
    text_note,
)
from auxin.data.targets.copies import copies_note
from auxin.data.targets.domains import DomainColumn, by_domain
from auxin.data.targets.leaks import coarse, determining_note, gives_away, useless
from auxin.data.targets.refinements import refinements
from auxin.data.targets.repeats import dates_note, repeats_note
from auxin.data.targets.single import blurred_note
from auxin.data.targets.specs import TargetSpec, parse_specs, words
from auxin.data.targets.stand_ins import stand_ins_note
from auxin.data.targets.totals import refuse_totals
from auxin.errors import ConfigError, DataError
from auxin.math.sparse import SparseRows

LATEST = "mark the last rows as test rows with --split COLUMN"
"""What to do where new rows are later than those of the table."""


class Table(DataSource):
    """One row per sample, read by pandas; empty cells are missing, blanks around words are left out.

    Columns that are no target are inputs: numbers, standardised on the training rows; words, one input per
    category; or text, as TF-IDF. A missing number stands for the mean, and one more input says that it is
    missing. What is learned from rows is learned from training rows. Left out, and noted: columns of one
    value, running numbers, and columns that hold the main target itself (equal to it, in bijection with it,
    or exactly linear in it). An auxiliary target may hold it, which is noted.

    Targets: words, booleans and whole numbers of at most 20 different values are classes, in their sorted
    order; other numbers are regression; cells such as "red;small" are attributes. Several columns are one
    task, NAME=A|B|C: attributes where they hold yes and no (or 1 and 0), else a vector.

    Options:
        target: the column of the main task.
        aux: the columns of the auxiliary tasks, a list or separated by commas.
        ignore: columns to leave out, a list or separated by commas.
        keep: columns to keep although they hold the target, a list or separated by commas.
        kinds: Types of targets, "NAME=KIND" (classes, ordered, regression, multilabel, vector),
            separated by commas.
        missing: values that stand for a missing label, "NAME=VALUE", separated by commas.
        split: a column of the words train and test, which marks the official test rows.
        group: a column whose equal cells never fall on both sides of a split.
        domain: COLUMN=VALUE, the column of each row's source and the source that counts: the main task has the
            labels of its rows, and those of every other source are a task with the same output.
        text: columns that are text, a list or separated by commas; others are where they look it.
        max_words: so many words describe a text at most, the most frequent ones; 4,000 where not given.
        unlabelled: another table of rows without a main label: they train the auxiliaries only.
        encoding: of a text file, "utf-8" where not given.
    """

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
        kinds: str | Sequence[str] = "",
        missing: str | Sequence[str] = "",
        split: str | None = None,
        group: str | None = None,
        domain: str | None = None,
        text: str | Sequence[str] = (),
        max_words: int | None = None,
        unlabelled: str | Path | None = None,
        encoding: str = "utf-8",
    ) -> Dataset:
        """Read the file `root`."""
        if root is None:
            raise ConfigError("The file to read is not given", expected="FILE --target COLUMN")
        known, labels = columns_of(root, encoding)
        said: list[str] = []
        if target is None:
            target, kinds, said = _target_of_labels(labels, kinds)
        domains = DomainColumn.parse(domain)
        roles = [name for name in (split, group, domains and domains.name) if name]
        specs = parse_specs(known, target, aux, kinds, missing)
        for name in [*words(ignore), *words(keep), *words(text), *roles]:
            pick(dict.fromkeys(known), name)
        written = {column for spec in specs for column in spec.columns} | {*words(text), *roles}
        frame = read_frame(root, encoding, written)
        more = Path(unlabelled) if unlabelled else None
        frame = with_unlabelled(frame, more, encoding, specs[0].columns, split, written)
        columns = ColumnRoles(words(ignore), words(keep), words(text), split, group, max_words, domains)
        return of_frame(frame, specs, columns, root.name, encoding=encoding, notes=said)


def _target_of_labels(labels: Sequence[str], kinds: str | Sequence[str]) -> tuple[str, list[str], list[str]]:
    """The target that an ARFF file's own list of labels makes."""
    if not labels:
        raise ConfigError("The target column is not given", expected="FILE --target COLUMN")
    said = f"Target: the {len(labels)} labels that the file names: {', '.join(labels[:8])}."
    return f"labels={'|'.join(labels)}", [*words(kinds), "labels=multilabel"], [said]


@dataclass(frozen=True)
class ColumnRoles:
    """Roles of the columns that are no targets.

    Attributes:
        ignore: Columns that are left out.
        keep: Columns that stay inputs although they reveal the target.
        text: Columns that are read as text.
        split: Column that marks the official test rows, or None.
        group: Column of groups that are never split, or None.
        max_words: Maximum number of words in the vocabulary of a text (None: 4,000); refused where no input is text.
        domain: Column of each row's source, or None.
    """

    ignore: Sequence[str] = ()
    keep: Sequence[str] = ()
    text: Sequence[str] = ()
    split: str | None = None
    group: str | None = None
    max_words: int | None = None
    domain: DomainColumn | None = None


def of_frame(
    frame: Any,
    specs: Sequence[TargetSpec],
    columns: ColumnRoles,
    name: str,
    *,
    encoding: str = "utf-8",
    notes: Sequence[str] = (),
) -> Dataset:
    """Return a table in memory as a data set.

    Args:
        frame: The table.
        specs: Its targets, the main one first.
        columns: Roles of the other columns.
        name: Name of the file; the data set has this name up to the first dot.
        encoding: Encoding of the file.
        notes: Sentences on what was decided while the file was read.

    Returns:
        The data set.
    """
    made = {spec.name: target_of(frame, spec) for spec in specs}
    tasks, y = {n: found[0] for n, found in made.items()}, {n: found[1] for n, found in made.items()}
    refined = refinements(tasks, y, specs[0].name)
    domain = columns.domain
    cells = [] if domain is None else ["" if pd.isna(v) else word(v) for v in frame[domain.name]]
    split = by_domain(tasks, y, specs[0].name, domain, cells)
    roles = [name for name in (columns.split, columns.group, domain and domain.name) if name]
    out = {column for spec in specs for column in spec.columns} | {*columns.ignore, *roles}
    rest, said = _inputs(frame.drop(columns=list(out)), frame, specs[0], y[specs[0].name], columns.keep)
    most = MAX_WORDS if columns.max_words is None else int(columns.max_words)
    encoder, rest, choice = TableEncoder.of(rest, columns.text, (), encoding, columns.keep, most)
    if columns.max_words is not None and not encoder.texts:
        raise ConfigError(
            "No input column is text, so --max-words has no use",
            expected="a column of text",
            found=f"columns {', '.join(map(str, rest.columns))}",
            do="Leave --max-words out, or name the column: --text COLUMN",
        )
    refuse_totals(rest, _numbers(specs[0], y[specs[0].name]))
    encoder.others = tuple(str(name) for name in frame.columns if name not in rest.columns)
    encoder.labels = form_of_labels(frame, specs[0])
    x, blank = encoder.encode_frame(rest)
    return Dataset(
        name=name.split(".")[0],
        x=x,
        tasks=split.tasks,
        y=split.y,
        main=specs[0].name,
        official_test=split_rows(frame, columns.split),
        groups=groups_of(frame, columns.group),
        parents=refined,
        domains=split.names,
        source=name,
        blank=blank,
        encoder=encoder,
        raw=rest if encoder.learns else None,
        notes=(
            kinds_note(tasks, [spec.name for spec in specs if spec.kind]),
            *(note for found in made.values() for note in found[2]),
            *split.notes,
            *notes,
            *said,
            *choice.notes,
            *choice.left_note("--keep"),
            *_notes_on_rows(rest, y[specs[0].name], columns, choice.dates),
            *_given_away(frame, specs, y),
            *text_note(encoder.texts, most, isinstance(x, SparseRows)),
        ),
    )


def _notes_on_rows(rest: Any, y: Tensor, columns: ColumnRoles, dates: Sequence[str]) -> Iterator[str]:
    """What is noted of rows that repeat one another or lie in time, where no column says how they are divided."""
    if not columns.group:
        yield from repeats_note(rest, "--group 'NAME'")
        if y.dim() == 1:
            yield from copies_note(rest, y.numpy(), "leave the column out (--ignore NAME)")
    if not columns.split:
        yield from dates_note(rest, dates, LATEST)


def _inputs(
    frame: Any, whole: Any, main: TargetSpec, target: Tensor, keep: Sequence[str]
) -> tuple[Any, list[str]]:
    """The columns that are inputs, and sentences about those that are left out."""
    notes = []
    check_cells(frame)
    nothing = [name for name in useless(frame) if name not in keep]
    left = frame.drop(columns=nothing)
    values = _numbers(main, target)
    held = dict.fromkeys(name for column in main.columns for name in gives_away(left, whole[column], values))
    leaks = [name for name in held if name not in keep]
    if nothing:
        named = ", ".join(name or "(no name)" for name in nothing)
        notes.append(f"Columns left out (a single value or a row counter): {named}.")
    if leaks:
        named = ", ".join(leaks)
        notes.append(f"Columns left out because they contain the target: {named} (keep them with --keep).")
    rest = frame.drop(columns=[*nothing, *leaks])
    if rest.columns.empty:
        raise DataError(
            "No column is left as input",
            expected="columns besides the targets",
            found=" ".join(notes) or "only targets",
        )
    what = "leave it out with --ignore"
    found = determining_note(rest, target.numpy(), what) if target.dim() == 1 else []
    missing = stand_ins_note(rest, "empty these cells")
    if values is None and target.dim() == 1 and len(main.columns) == 1:  # classes: NaN where they are words
        labels: Any = pd.to_numeric(whole[main.columns[0]].astype(object), errors="coerce")
        values = labels.to_numpy(np.float64)
    if values is not None:
        labels = pd.DataFrame({main.name: values})
        missing += stand_ins_note(labels, f"say so: --missing {main.name}=VALUE")
    return rest, [*notes, *found, *missing, *blurred_note(coarse(rest))]


def _numbers(spec: TargetSpec, target: Tensor) -> np.ndarray | None:
    """The values of a target that is one column of numbers."""
    one = target.is_floating_point() and target.dim() == 1 and len(spec.columns) == 1
    return target.double().numpy() if one else None


def _given_away(frame: Any, specs: Sequence[TargetSpec], y: Mapping[str, Tensor]) -> list[str]:
    """A sentence on auxiliary targets that hold the main one."""
    main, *others = specs
    values = _numbers(main, y[main.name])
    found = []
    for spec in others:
        own = [c for c in spec.columns if c not in main.columns]
        same = {name for column in main.columns for name in gives_away(frame[own], frame[column], values)}
        numbers = _numbers(spec, y[spec.name])
        if values is not None and numbers is not None and own:
            same |= {*gives_away(pd.DataFrame({own[0]: numbers}), frame[main.columns[0]], values)}
        found += sorted(same)
    if not found:
        return []
    shown = ", ".join(sorted(found))
    return [
        f"Auxiliary targets that hold the main one: {shown}. They add nothing on a row with a main label, and give it "
        "away on a row without one, so a gain by them says nothing about other auxiliaries."
    ]
