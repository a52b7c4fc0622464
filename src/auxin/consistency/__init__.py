"""Consistency: losses between the outputs for two views of a row, one member per file."""

from auxin.consistency.base import Consistency, ViewAgreement

__all__ = ["Consistency", "ViewAgreement"]
