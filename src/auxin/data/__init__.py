"""Data sets, splits and batches.

Importing the package imports nothing heavy: a table is read and encoded without PyTorch (`auxin.data.encoders`,
`auxin.data.reading`), and each public name is loaded when it is first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auxin.data._augment import KINDS
    from auxin.data._load import load
    from auxin.data._pool import DevicePool
    from auxin.data._sampling import Stream, epoch_batches
    from auxin.data.base import Dataset, DataSource
    from auxin.data.encoders.contract import Encoder
    from auxin.data.encoders.restore import restore
    from auxin.data.splits import Splits, make_splits

__all__ = [
    "KINDS",
    "DataSource",
    "Dataset",
    "DevicePool",
    "Encoder",
    "Splits",
    "Stream",
    "epoch_batches",
    "load",
    "make_splits",
    "restore",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'auxin.data' has no attribute {name!r}")
    import auxin.data._public as public

    return getattr(public, name)
