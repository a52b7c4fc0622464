"""The presets: option files of the learned rule, by name."""

import json
from pathlib import Path
from typing import Any

from auxin.catalogue import unknown
from auxin.errors import ConfigError

_FOLDER = Path(__file__).parent / "presets"


def preset_names() -> list[str]:
    """The names of the presets.

    >>> preset_names()
    ['paper', 'small']
    """
    return sorted(path.stem for path in _FOLDER.glob("*.json"))


def preset_options(name: str) -> dict[str, Any]:
    """The options of a preset that differ from the defaults of `Learned`.

    Raises:
        ConfigError: No such preset.
    """
    if name not in preset_names():
        raise ConfigError(unknown("preset", name, preset_names()))
    return json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
