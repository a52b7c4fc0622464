"""The arguments of the estimators: refused in `fit` where they mean nothing."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from auxin.errors import ConfigError

FEWEST_ROWS = 10
"""The least that `max_rows` may be."""


def check_arguments(given: Mapping[str, Any]) -> None:
    """Refuse values of arguments that mean nothing, for the search or for one network.

    Args:
        given: The estimator's arguments, by name.

    Raises:
        ConfigError: The first of them, with what was expected.

    >>> check_arguments({"steps": 0})
    Traceback (most recent call last):
    auxin.errors.ConfigError: steps=0 is not usable. Expected None or a whole number, at least 1.
    """
    for name, value in given.items():
        usable, expected = _RULES.get(name, (_anything, ""))
        if not usable(value):
            raise ConfigError(f"{name}={value!r} is not usable", expected=expected)


def _anything(_: Any) -> bool:
    return True


def _number(value: Any) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool) and math.isfinite(float(value))


def _whole(value: Any, least: int) -> bool:
    return _number(value) and float(value) == int(value) and value >= least


def _columns(value: Any) -> bool:
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    return value is None or (listed and all(isinstance(name, str) for name in value))


_COLUMNS = _columns, "None or a list of names of columns"
_RULES: dict[str, tuple[Any, str]] = {
    "method": (lambda value: value is None or isinstance(value, str), "None or a name of `auxin ls methods`"),
    "validation": (
        lambda value: _number(value) and (0 <= value < 1 or _whole(value, 1)),
        "a fraction of the rows, from 0 to below 1, or a number of rows",
    ),
    "steps": (lambda value: value is None or _whole(value, 1), "None or a whole number, at least 1"),
    "learning_rate": (lambda value: _number(value) and value > 0, "a finite number above 0"),
    "settings": (
        lambda value: value is None or isinstance(value, Mapping),
        "None or a dictionary of settings",
    ),
    "text": _COLUMNS,
    "keep": _COLUMNS,
    "max_rows": (lambda value: _whole(value, FEWEST_ROWS), f"a whole number, at least {FEWEST_ROWS}"),
}
"""What each argument may be: a test, and the words for it."""
