"""Sources of soft labels for rows without a main label, one member per file."""

from auxin.sources._base import Known, Source

__all__ = ["Known", "Source"]
