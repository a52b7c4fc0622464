"""Finding a data set's files, and saying clearly which are missing or damaged."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from unicodedata import normalize

from auxin.data.reading.download import RemoteFile, fetch
from auxin.errors import ConfigError, DataError


def folder(name: str, root: Path | None, where: str = "") -> Path:
    """The folder that was given for a data set.

    Args:
        name: The data set's name.
        root: The folder.
        where: Where a person fetches files that auxin cannot fetch.

    Raises:
        DataError: none was given, or it does not exist.
    """
    if root is None:
        raise DataError(
            f"{name} is read from files, and no folder was given",
            expected="--root DIR, the folder that holds its files",
            do=f"Fetch them by hand from {where} into DIR"
            if where
            else f"Use `--root DIR --download` to fetch {name} from its publisher into DIR",
        )
    if not root.is_dir():
        raise DataError(
            f"There is no folder {root}",
            expected=f"the folder that holds the files of {name}",
            do="Correct --root, or create the folder and "
            + (f"fetch them by hand from {where}" if where else "use --download"),
        )
    return root


def prepare(
    name: str, root: Path | None, download: object, remotes: Sequence[RemoteFile], where: str = ""
) -> Path:
    """The folder of a data set, after downloading into it if that was asked for.

    Raises:
        ConfigError: `download` is not a bool.
        DataError: No folder was given, or the download failed.
    """
    if not isinstance(download, bool):
        raise ConfigError("The option download takes no value", expected="no value", found=repr(download))
    if download and root is not None:
        fetch(remotes, root)
    return folder(name, root, where)


def first(folders: Iterable[Path], *names: str) -> Path | None:
    """The first file of these names in any of these folders, if there is one."""
    return next((path for base in folders for name in names if (path := base / name).is_file()), None)


def missing(
    name: str, root: Path, looked: Sequence[str], remotes: Sequence[RemoteFile], where: str = ""
) -> DataError:
    """The error for a data set whose files are not in the folder; `where` as for `folder`."""
    do = (
        f"Fetch them with --download, or in Python with auxin.data.load({name!r}, {str(root)!r}, download=True); or "
        f"put them there yourself, from {' '.join(r.url for r in remotes)}"
    )
    if where:
        do = f"Fetch them by hand from {where}, unpack them, and name the folder with --root"
    return DataError(
        f"The files of {name} are not in {root}{', and auxin cannot fetch them' if where else ''}",
        expected=" or ".join(looked),
        found=", ".join(sorted(p.name for p in root.iterdir())[:8]) or "an empty folder",
        do=do,
    )


def damaged(path: Path | str, expected: str, found: object, do: str = "Fetch it again") -> DataError:
    """The error for a file that is not what it should be."""
    return DataError(f"{path} cannot be read", expected=expected, found=str(found), do=do)


@contextmanager
def readable(
    path: Path | str, expected: str, *kinds: type[Exception], do: str = "Fetch it again"
) -> Iterator[None]:
    """Say that the file is damaged where a reader raises one of these errors; auxin's own stay as they are."""
    try:
        yield
    except DataError:
        raise
    except kinds as error:
        raise damaged(path, expected, error, do) from error


def pick(columns: Mapping[str, Any], name: str) -> Any:
    """A column by name.

    Raises:
        DataError: There is none of that name; the nearest are offered.
    """
    if name not in columns:
        known = [str(column) for column in columns]
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        raise DataError(
            f"There is no column {name!r}",
            expected=f"one of: {', '.join(known)}",
            do=look_alike(name, known)
            or (f"Did you mean {' or '.join(map(repr, near))}?" if near else header_hint(known))
            or "Name another with --target or --aux",
        )
    return columns[name]


def look_alike(name: str, known: Sequence[str]) -> str:
    """What to do where a column is there in another form of Unicode (ö in one character or in two); else ""."""
    if any(normalize("NFC", other) == normalize("NFC", name) for other in known):
        return f"{name!r} is there in another form of Unicode: bring the names to one, such as NFC"
    return ""


def header_hint(names: Sequence[str]) -> str:
    """What to do where a table's first line looks like something else than the columns' names; else "".

    >>> header_hint(["5.1", "3.5", "Iris-setosa"])
    "The first line looks like data ('5.1'): put a line with the columns' names above it"
    >>> header_hint(["a  b"])
    'The first line is one field: separate the fields by commas, semicolons, tabs or |'
    """
    if "" in names:
        return "Delete what is above the line with the columns' names (a title, merged cells), and name every column"
    if names[0].startswith(("#", "%")):
        return "The first line is a comment: delete it"
    if len(names) == 1 and len(names[0].split()) > 1:
        return "The first line is one field: separate the fields by commas, semicolons, tabs or |"
    if number := next((name for name in names if _NUMBER.fullmatch(name)), None):
        return f"The first line looks like data ({number!r}): put a line with the columns' names above it"
    return ""


_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?|[-+]?\.\d+")
