"""Logs of finished runs in the formats of other tools, one member per file."""

from pathlib import Path

from auxin import catalogue
from auxin.loggers.base import RunLogger


def start(name: str, folder: Path) -> RunLogger:
    """Start the logger of this name for a study whose results go to this folder.

    Raises:
        ConfigError: There is no such logger, or its package is not installed.
    """
    return catalogue.load("loggers", name)(folder)
