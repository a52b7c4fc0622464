"""The public names of `auxin.data`, loaded when one is first asked for."""

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
