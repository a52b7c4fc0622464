"""Pickles of plain values and NumPy arrays: anything else in one is refused before it can run."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from auxin.data.reading.files import damaged
from auxin.errors import DataError

_DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
)


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    """How pickles of protocol 2 write bytes; no other codec may be named."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"codec {encoding!r}")
    return text.encode("latin1")


def _reconstruct(kind: type, shape: tuple[int, ...], letter: bytes) -> np.ndarray:
    """An empty array, whose values the pickle then sets."""
    if kind is not np.ndarray or shape != (0,) or letter not in (b"b", "b"):
        raise pickle.UnpicklingError(f"array of kind {kind!r}")
    return np.ndarray((0,), np.int8)


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _latin1,
}


class _RestrictedUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in _ALLOWED:
            raise DataError(f"{module_name}.{global_name}")
        return _ALLOWED[module_name, global_name]


def load_pickle(path: Path) -> Any:
    """What a pickle holds, if that is plain values and arrays; text of Python 2 stays bytes.

    Raises:
        DataError: The pickle asks for anything else (which is not run), or is damaged.
    """
    try:
        return _RestrictedUnpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except DataError as error:
        raise DataError(
            f"{path} is a pickle that would run {error}; auxin refuses it",
            expected="lists, dictionaries, text, numbers and NumPy arrays only",
            do="Do not trust this file; download it again from its publisher",
        ) from None
    except _DAMAGE as error:
        raise damaged(
            path, "a pickle of lists, dictionaries and NumPy arrays", f"{error or type(error)}"
        ) from error
