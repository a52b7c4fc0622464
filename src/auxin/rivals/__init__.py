"""What a person would use instead of auxin: scikit-learn estimators on the same rows, folds and tries."""

from auxin.rivals._base import InputShape, Kind, Options, Rival, Vectors
from auxin.rivals._fitted import Fitted, count_of, fit, kind_of, outputs_of, unfit
from auxin.rivals._saved import dump, restore

__all__ = [
    "Fitted",
    "InputShape",
    "Kind",
    "Options",
    "Rival",
    "Vectors",
    "count_of",
    "dump",
    "fit",
    "kind_of",
    "outputs_of",
    "restore",
    "unfit",
]
