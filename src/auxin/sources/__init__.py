"""Sources of soft labels for rows without a main label: each file is one way to guess them."""

from auxin.sources._base import Known, Source

__all__ = ["Known", "Source"]
