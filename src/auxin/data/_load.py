"""A data set by its name, or by the path of a file of the user's own."""

import os
from collections.abc import Container, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from auxin import catalogue
from auxin.data.base import Dataset, DataSource
from auxin.data.reading.progress import watched
from auxin.errors import ConfigError, DataError, as_arguments, called, naming, naming_arguments


def load(name_or_path: str | Path, root: str | Path | None = None, **options: Any) -> Dataset:
    """Load a known data set by name, or a file by its path.

    Args:
        name_or_path: A name that `auxin ls` lists under data, `hub:OWNER/NAME`, or the path of a file.
        root: The folder that holds a named data set's files.
        options: The data set's own (its class names them); those that are None count as not given.

    Raises:
        ConfigError: The name is unknown (the nearest are offered), the kind of file is not read, or an
        option is
            not one of the data set's.
        DataError: files that are missing, damaged, or not what they should be.

    >>> load("digits", target="parity").main
    'parity'
    """
    name = str(name_or_path)
    given = {key: value for key, value in options.items() if value is not None}
    folder = None if root is None else Path(root)
    known = catalogue.names("data")
    # a reader such as `npz` or `table` reads the file or folder `root` itself
    reads = name in known and catalogue.load("data", name).suffixes
    if folder is not None and os.path.isfile(folder) and not reads:
        raise ConfigError(
            f"{called('root')} is not a folder",
            expected="the folder that holds the files of a data set",
            found=f"the file {folder}",
            do=f"Name the folder, or leave {called('root')} out",
        )
    if name in known:
        member, place = name, folder
    elif (place := catalogue.own_data(name, folder)) is not None:
        member = _reader(place, given)
    else:
        member, place = "hub", folder or Path(name.removeprefix(catalogue.HUB))
    _check_used(name, folder, place, given)
    source = catalogue.load("data", member)
    if odd := [option for option in given if option not in source.options]:
        raise ConfigError(
            f"The data set {member} has no option {called(odd[0])!r}",
            expected=f"one of: {', '.join(map(called, source.options))}" if source.options else "no options",
            found=f"{called(odd[0])}={given[odd[0]]!r}",
            do=f"Fetch the files by hand from {source.where}"
            if odd[0] == "download" and source.where
            else "",
        )
    with watched(str(place or name)), naming(place or name), naming_arguments(_arguments):
        dataset = source.load(place, **given)
    return replace(dataset, notes=tuple(as_arguments(note, _arguments) for note in dataset.notes))


def _check_used(name: str, folder: Path | None, place: Path | None, given: Mapping[str, Any]) -> None:
    """Refuse options that would have no effect."""
    if folder is not None and os.path.isabs(name):
        raise ConfigError(
            f"{called('root')} has no effect beside a path from the root of the file system",
            expected="the name of a data set, or a path below the folder",
            found=f"{called('root')}={str(folder)!r} and {name}",
            do=f"Leave {called('root')} out",
        )
    encoding, files = given.get("encoding", "utf-8"), [place, given.get("unlabelled")]
    if encoding.lower() not in ("utf-8", "utf8") and not any(
        file is not None and not str(file).lower().endswith(".parquet") for file in files
    ):
        raise ConfigError(
            f"{called('encoding')} has no effect on Parquet files, which hold text in UTF-8",
            found=f"{called('encoding')}={encoding!r}",
            do=f"Leave {called('encoding')} out",
        )


@lru_cache(1)
def _arguments() -> frozenset[str]:
    """The names of all arguments that `load` takes for one data set or another."""
    return frozenset({"root"}.union(*(source.options for source in _sources().values())))


def _sources() -> dict[str, type[DataSource]]:
    return {name: catalogue.load("data", name) for name in catalogue.names("data")}


def _reader(path: Path, options: Container[str]) -> str:
    """The member that reads files like this one; of several, the one that requires most options."""
    sources = _sources()
    ending = "/" if path.is_dir() else path.name.lower()
    able = {
        name: len(source.required)
        for name, source in sources.items()
        if any(ending.endswith(s) for s in source.suffixes) and all(o in options for o in source.required)
    }
    if not able:
        known = sorted({suffix for source in sources.values() for suffix in source.suffixes} - {"/"})
        raise ConfigError(
            f"{path} has an unsupported file type",
            expected=f"a folder, a file ending in one of: {', '.join(known)}; or a known name: "
            f"{', '.join(sources)}",
            found=repr(path.suffix or path.name),
            do=f"If it is a data set of the Hugging Face hub, write hub:{path}"
            if _on_hub(path)
            else OTHERS.get(path.suffix.lower(), ""),
        )
    if not path.exists():
        raise DataError(f"There is no file {path}", do="Correct the path")
    return max(able, key=lambda name: able[name])


_PANDAS = "Write it as CSV or Parquet, for example with pandas: {}(FILE).to_parquet('t.parquet')"
OTHERS = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "Save it as CSV in the spreadsheet program"),
    ".sav": _PANDAS.format("pd.read_spss"),
    ".dta": _PANDAS.format("pd.read_stata"),
    ".sas7bdat": _PANDAS.format("pd.read_sas"),
    **dict.fromkeys((".feather", ".arrow", ".ipc"), _PANDAS.format("pd.read_feather")),
    ".orc": _PANDAS.format("pd.read_orc"),
    **dict.fromkeys((".pkl", ".pickle"), _PANDAS.format("pd.read_pickle")),
    ".pq": "Rename it to .parquet",
    ".jsonl": "Write it as CSV or Parquet, for example with pandas: pd.json_normalize flattens nested objects",
    ".json": "Write it as CSV or Parquet, for example with pandas: pd.json_normalize flattens nested objects",
    **dict.fromkeys((".txt", ".tab", ".dat"), "Rename it to .csv or .tsv if it is a table with a header"),
    ".npy": "Save inputs and targets together: np.savez('t.npz', x=x, y=y)",
    **dict.fromkeys((".zip", ".bz2", ".xz", ".zst"), "Unpack it (only .gz is read as it is)"),
}
"""What to do with files of other programs."""


def _on_hub(path: Path) -> bool:
    """Whether it looks like OWNER/NAME."""
    return len(path.parts) == 2 and not path.is_absolute() and not path.exists() and not path.parent.exists()
