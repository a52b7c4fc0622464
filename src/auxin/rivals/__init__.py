"""What a person would use instead of auxin: scikit-learn estimators on the same rows, folds and tries.

`restore` and `predicted` need no PyTorch; the names that do are loaded when one is first asked for.
"""

from typing import TYPE_CHECKING, Any

from auxin.rivals._predicted import chances, predicted
from auxin.rivals._saved import dump, restore
from auxin.rivals._trees import Trees
from auxin.rivals.base import InputShape, Kind, Options, Rival, Vectors

if TYPE_CHECKING:
    from auxin.rivals._fitted import Fitted, count_of, fit, kind_of, outputs_of, why_not

__all__ = [
    "Fitted",
    "InputShape",
    "Kind",
    "Options",
    "Rival",
    "Trees",
    "Vectors",
    "chances",
    "count_of",
    "dump",
    "fit",
    "kind_of",
    "outputs_of",
    "predicted",
    "restore",
    "why_not",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'auxin.rivals' has no attribute {name!r}")
    import auxin.rivals._fitted as fitted

    return getattr(fitted, name)
