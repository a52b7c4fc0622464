"""Consistency: two views of a row must get the same answer. Each file is one way to ask for that."""

from auxin.consistency._base import Agreement, Consistency

__all__ = ["Agreement", "Consistency"]
