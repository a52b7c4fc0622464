"""Values of options that are read from text: lists of names, durations, settings."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from auxin.errors import ConfigError

Setting = bool | int | float | str | None
"""A value of a setting."""

_UNITS = {"s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "": 1.0}


def seconds(value: Any) -> float | None:
    """Return a duration as a user writes it, in seconds; None for `none`.

    >>> seconds("10min"), seconds("90s"), seconds("1.5h"), seconds("none")
    (600.0, 90.0, 5400.0, None)
    """
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "none":
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", value.lower())
    if not found or found[2] not in _UNITS or float(found[1]) <= 0:
        raise ConfigError(
            "The time limit (--budget) is invalid",
            expected="a time such as 90s, 10min or 2h",
            found=repr(value),
        )
    return float(found[1]) * _UNITS[found[2]]


def not_a_file(value: Any) -> Any:
    """Return a folder of data sets as it is, whether or not it is there.

    >>> not_a_file("no/such/folder"), not_a_file(None)
    ('no/such/folder', None)

    Raises:
        ConfigError: It is a file.
    """
    if value is not None and os.path.isfile(value):
        raise ConfigError(
            "The folder of the data sets (--root) is not a folder",
            expected="a folder that holds one folder per data set",
            found=f"the file {value}",
            do="Name the folder, or leave --root out",
        )
    return value


def names(value: Any) -> Any:
    """Return a comma-separated list of names as a tuple; a hyphen counts as an underscore.

    >>> names("single, maxl-frozen")
    ('single', 'maxl_frozen')
    """
    return tuple(word.replace("-", "_") for word in words(value)) if isinstance(value, str) else value


def words(value: Any) -> Any:
    """Return the words of a comma-separated list."""
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


def counts(value: Any) -> Any:
    """Return the label budgets of `--labels-per-class` in ascending order.

    >>> counts("20, 5,10"), counts(7), counts(None)
    ((5, 10, 20), (7,), ())
    """
    if isinstance(value, tuple):
        return value
    parts = () if value is None else words(str(value))
    if any(not part.isdecimal() or int(part) < 1 for part in parts) or (value is not None and not parts):
        raise ConfigError(
            "The labels per class (--labels-per-class) are invalid",
            expected="a whole number of at least 1, or several separated by commas",
            found=repr(value),
        )
    return tuple(sorted({int(part) for part in parts}))


def settings(value: Any) -> Any:
    """Return settings as a user types them, by name.

    >>> settings(["lr=0.03", "schedule=halve", "labeler.hard=true"])
    {'lr': 0.03, 'schedule': 'halve', 'labeler.hard': True}
    """
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        return value
    found: dict[str, Setting] = {}
    for pair in value:
        name, mark, text = pair.partition("=")
        if not mark:
            raise ConfigError("A setting (--set) is invalid", expected="NAME=VALUE", found=repr(pair))
        found[name.strip()] = _value(text.strip())
    return found


def _value(text: str) -> Setting:
    words: dict[str, Setting] = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


Folder = Annotated[Path | None, AfterValidator(not_a_file)]
Seconds = Annotated[float | None, BeforeValidator(seconds)]
Names = Annotated[tuple[str, ...], BeforeValidator(names)]
Words = Annotated[tuple[str, ...], BeforeValidator(words)]
Counts = Annotated[tuple[int, ...], BeforeValidator(counts)]
Settings = Annotated[dict[str, Setting], BeforeValidator(settings)]
