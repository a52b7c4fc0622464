"""Consistency: losses between the outputs for two views of a row, one member per file."""

from auxin.consistency._base import Agreement, Consistency

__all__ = ["Agreement", "Consistency"]
