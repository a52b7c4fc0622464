"""Sources of soft labels for rows without a main label, one member per file."""

from auxin.sources.base import Source, SourceInputs

__all__ = ["Source", "SourceInputs"]
