"""A folder read as a catalogue: the only registry in auxin.

Every folder of the package with a `base.py`, its contract, is a *family*. Every other file in it that does not begin
with an underscore is one *member*, and the file's name is the member's name everywhere. Adding a member
is adding one file, either here or in `DIR/<family>/` of a folder named in the environment variable `AUXIN_PLUGINS`.

Listing never imports a member (so it is fast, and an absent optional dependency cannot break it); `load` does, and
`auxin ls` imports plugins to say which cannot be used.
"""

import ast
import difflib
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from auxin.errors import ConfigError, DataError, message

PLUGINS = "AUXIN_PLUGINS"
CONTRACT = "base"
"""The file of a family that holds its contract. No member can have this name."""
_PACKAGE = Path(__file__).parent
SHEETS = {"recipes": "auxin.recipes._grid"}
"""Families whose members may be TOML files too, and the module whose `from_sheet` makes a member of one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of a family: its name, the first line of its file's docstring, and where the file is."""

    family: str
    name: str
    summary: str
    file: Path


def families() -> list[str]:
    """The families, by name, sorted: the folders of the package that hold a `base.py`."""
    return list(_families())


@cache
def _families() -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in _PACKAGE.glob(f"*/{CONTRACT}.py")))


@cache
def _shipped(family: str) -> Mapping[str, Path]:
    """The package's own members of a family: they do not change while a program runs."""
    return _public(_within(_PACKAGE / family, family))


def _within(folder: Path, family: str) -> list[Path]:
    endings = ("*.py", "*.toml") if family in SHEETS else ("*.py",)
    return [file for end in endings for file in sorted(folder.glob(end))]


def _plugins(family: str) -> list[Path]:
    folders = [Path(p) / family for p in os.environ.get(PLUGINS, "").split(os.pathsep) if p]
    files = [file for folder in folders if folder.is_dir() for file in _within(folder, family)]
    for file in files:
        if file.stem == CONTRACT:
            wrong = f"{file} has the name of the file that holds a family's contract"
            raise ConfigError(wrong, do="Give the member another name")
    return files


def _public(files: Iterable[Path]) -> dict[str, Path]:
    return {file.stem: file for file in files if not file.stem.startswith("_") and file.stem != CONTRACT}


def _files(family: str) -> Mapping[str, Path]:
    if family not in _families():
        raise ConfigError(unknown("family", family, families()))
    plugins = _public(_plugins(family))
    return {**_shipped(family), **plugins} if plugins else _shipped(family)


def names(family: str) -> list[str]:
    """The members of a family, sorted, without importing them.

    >>> "maxl" in names("labelers")
    True
    """
    return sorted(_files(family))


def entries(family: str) -> list[Entry]:
    """The members of a family with their one-line summaries, read from the files and not imported."""
    return [Entry(family, name, _summary(file), file) for name, file in sorted(_files(family).items())]


def _summary(file: Path) -> str:
    try:
        if file.suffix == ".toml":
            return f"{tomllib.loads(file.read_text(encoding='utf-8')).get('title', '')}."
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    except SyntaxError as error:
        return f"(cannot be read: {error.msg}, line {error.lineno})"
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        return f"(cannot be read: {error})"
    return text.split("\n", 1)[0]


MANY = 30
"""A message about an unknown name does not list more names than this where it can offer near ones."""


def unknown(kind: str, name: str, known: list[str]) -> str:
    """The message for a name that is not known. It offers the nearest names, and of few names all.

    Args:
        kind: What the name was to be, such as "method".
        name: The unknown name.
        known: The names that exist.
    """
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    hints = [f"Did you mean {' or '.join(map(repr, near))}?"] if near else []
    if "name among" in kind or f"{kind}s" in families():
        hints.append("`auxin ls` lists all names.")
    listed = "" if near and len(known) > MANY else f"one of: {', '.join(known)}"
    return message(f"Unknown {kind} {name!r}", expected=listed, do=" ".join(hints))


HUB = "hub:"
"""What the name of a data set of the Hugging Face hub begins with."""


def own_data(name: str, folder: Path | None = None) -> Path | None:
    """The file or folder that the name of data means; None where it is a member of `data` or on the hub.

    Args:
        name: A name, or a path.
        folder: The folder where the path begins, if it is not the current one.

    Raises:
        ConfigError: There is no data set of that name.
    """
    if name in names("data") or name.startswith(HUB):
        return None
    place = (folder or Path()) / name
    if not place.suffix and not place.exists() and place.name == name:
        raise ConfigError(unknown("data set", name, names("data")))
    return place


def check_data(name: str, folder: Path | None = None) -> None:
    """Refuse a file of data that is missing, and the name of a data set that does not exist.

    Raises:
        ConfigError: There is no data set of that name.
        DataError: There is no such file.
    """
    place = own_data(name, folder)
    if place is not None and place.suffix and not place.exists():
        raise DataError(f"There is no file {place}", do="Correct the path")


def check_choice(kind: str, name: str, known: Iterable[str]) -> None:
    """Refuse a name that is none of the known ones, offering the nearest."""
    if name not in known:
        raise ConfigError(unknown(kind, str(name), list(known)))


def module(family: str, name: str) -> ModuleType:
    """Import the file of a member."""
    files = _files(family)
    if name not in files:
        raise ConfigError(unknown(f"name among {family}", name, sorted(files)))
    dotted = f"auxin.{family}.{name}"
    file = files[name]
    if file.parent == _PACKAGE / family:
        return importlib.import_module(dotted)
    if dotted in sys.modules and sys.modules[dotted].__file__ == str(file):
        return sys.modules[dotted]
    spec = importlib.util.spec_from_file_location(dotted, file)
    if spec is None or spec.loader is None:
        raise ConfigError(f"The plugin file {file} cannot be imported.")
    plugin = importlib.util.module_from_spec(spec)
    sys.modules[dotted] = plugin
    try:
        spec.loader.exec_module(plugin)
    except BaseException as error:
        del sys.modules[dotted]
        if not isinstance(error, Exception) or isinstance(error, ConfigError):
            raise
        found = f"{type(error).__name__}: {error}"
        raise ConfigError(f"The plugin file {file} cannot be imported", found=found) from error
    return plugin


_imported: dict[str, Path | None] = {}
"""The user's own modules that were imported, and their files."""


def own_code(text: str) -> dict[str, str]:
    """The SHA-256 of the user's own code: every plugin, and the imported modules that the text names as `MODULE:`.

    Args:
        text: What a study is, as JSON.
    """
    files = {f"{family}/{file.name}": file for family in families() for file in _plugins(family)}
    files |= {f"{name}:": file for name, file in _imported.items() if file is not None and f"{name}:" in text}
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in sorted(files.items())}


def user_module(name: str) -> ModuleType:
    """A module of the user's own: installed, or a file of the current folder.

    Raises:
        ConfigError: there is none of that name.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        made = importlib.import_module(name)
        _imported[name] = Path(made.__file__) if made.__file__ else None
        return made
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise
        wanted = f"{name}.py in this folder, or an installed module"
        raise ConfigError(f"There is no module {name!r}", expected=wanted) from error


def load(family: str, name: str) -> Any:
    """The member itself: the one class (or ready instance) in its file that is of the family's contract.

    The contract is the class that the family's `base.py` names in `CONTRACT`.
    """
    sheet = _files(family).get(name)
    if sheet is not None and sheet.suffix == ".toml":
        return importlib.import_module(SHEETS[family]).from_sheet(sheet)
    return _member(module(family, name), family)


@cache
def _member(file: ModuleType, family: str) -> Any:
    contract = importlib.import_module(f"auxin.{family}.base").CONTRACT
    own = [value for value in vars(file).values() if _is_member(value, contract, file.__name__)]
    if len(own) != 1:
        wrong, wanted = (
            f"The file {file.__file__} is no member of {family}",
            f"one public {contract.__name__}",
        )
        raise ConfigError(wrong, expected=f"exactly {wanted} defined in it", found=f"{len(own)}")
    return own[0]


def _is_member(value: Any, contract: type, home: str) -> bool:
    if inspect.isclass(value):
        public = not value.__name__.startswith("_")
        return public and value is not contract and issubclass(value, contract) and value.__module__ == home
    return isinstance(value, contract)
