"""Targets as a user names them: one column or several, and the kind of task they make."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from auxin.data.reading.files import pick
from auxin.errors import ConfigError

KINDS = ("classes", "ordered", "regression", "multilabel", "vector", "dense_classes", "dense_regression")
ALIASES = {"dense": "dense_classes", "binary": "multilabel", "attributes": "multilabel"}
DENSE = ("dense_classes", "dense_regression")
ONE = ("classes", "ordered", "regression", *DENSE)
"""Kinds that one column makes."""


@dataclass(frozen=True)
class TargetSpec:
    """One target.

    Attributes:
        name: Name of the task.
        columns: The columns it is made of.
        kind: As the user said, or None: guessed and printed.
        missing: The value that stands for a missing label, as text, or None.
    """

    name: str
    columns: tuple[str, ...]
    kind: str | None = None
    missing: str | None = None


def words(text: str | Sequence[str]) -> list[str]:
    """Names given as a list or separated by commas."""
    return [w.strip() for w in (text.split(",") if isinstance(text, str) else text) if w.strip()]


def parse_specs(
    known: Collection[str],
    target: str,
    aux: str | Sequence[str] = (),
    kinds: str | Sequence[str] = "",
    missing: str | Sequence[str] = "",
) -> list[TargetSpec]:
    """The targets, the main one first.

    Args:
        known: The columns there are.
        target: The main one: a column, or NAME=COLUMN|COLUMN for one of several columns.
        aux: The auxiliary ones, likewise.
        kinds: "NAME=KIND" of some of them.
        missing: "NAME=VALUE" of some of them.

    Raises:
        DataError: A column that is not there; the nearest are offered.
        ConfigError: A name is given twice, or a kind that is not known, or to nothing.

    >>> parse_specs(["y", "a", "b"], "y", "pose=a|b", "pose=vector")[1]
    TargetSpec(name='pose', columns=('a', 'b'), kind='vector', missing=None)
    """
    found = [_columns(known, word) for word in [target.strip(), *words(aux)]]
    names = [name for name, _ in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError("A target is named twice", expected="each name once", found=", ".join(twice))
    said = pairs("kind of target", kinds, names, f"COLUMN={'|'.join(KINDS)}")
    said = {name: ALIASES.get(kind, kind) for name, kind in said.items()}
    blank = pairs("missing label", missing, names, "COLUMN=VALUE")
    specs = [TargetSpec(name, columns, said.get(name), blank.get(name)) for name, columns in found]
    for spec in specs:
        _check(spec, kinds)
    return specs


def _columns(known: Collection[str], word: str) -> tuple[str, tuple[str, ...]]:
    """A target's name and columns: "NAME", "A|B", or "NAME=A|B"."""
    if word in known or "|" not in word:
        name, _, column = word.rpartition("=")
        one = column if word not in known and name and column in known else word
        pick(dict.fromkeys(known), one)
        return (name if one != word else word), (one,)
    name, _, several = word.rpartition("=") if "=" in word else ("", "", word)
    columns = tuple(column.strip() for column in several.split("|"))
    for column in columns:
        pick(dict.fromkeys(known), column)
    return name.strip() or "_".join(columns), columns


def _check(spec: TargetSpec, kinds: object) -> None:
    if spec.kind is not None and spec.kind not in KINDS:
        near = get_close_matches(spec.kind, [*KINDS, *ALIASES], n=2)
        raise ConfigError(
            "A kind of target is not valid",
            expected=f"COLUMN={'|'.join(KINDS)}",
            found=repr(kinds),
            do=f"Did you mean {' or '.join(map(repr, near))}?" if near else "",
        )
    if spec.kind in ONE and len(spec.columns) > 1:
        raise ConfigError(
            f"The target {spec.name!r} of several columns cannot be {spec.kind}",
            expected="multilabel or vector",
            found=f"columns {', '.join(spec.columns)}",
        )


def pairs(what: str, given: str | Sequence[str], names: Sequence[str], expected: str) -> dict[str, str]:
    """ "NAME=WORD,NAME=WORD" by name, each a target's.

    >>> pairs("kind", "quality=ordered, price=regression", ["quality", "price"], "")
    {'quality': 'ordered', 'price': 'regression'}
    """
    found = {}
    for word in words(given):
        name, mark, value = word.rpartition("=")
        if not mark or name.strip() not in names:
            do = f"{name.strip()!r} is no target: name it with --target or --aux" if mark else ""
            raise ConfigError(f"A {what} is not valid", expected=expected, found=repr(given), do=do)
        found[name.strip()] = value.strip()
    return found
