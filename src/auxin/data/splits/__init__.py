"""Who may see which row: training, auxiliary, validation and test rows, by content."""

from auxin.data.splits.roles import Splits, make_splits

__all__ = ["Splits", "make_splits"]
