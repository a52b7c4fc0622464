"""Reading `.npz` archives of plain arrays."""

import lzma
import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from auxin.data.reading.files import damaged
from auxin.errors import DataError


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file; nothing in it is run.

    Raises:
        DataError: There is no such file, it is damaged, or it holds Python objects.
    """
    if os.path.isdir(path):
        raise DataError(f"{path} is a folder", expected="an .npz file")
    if not path.is_file():
        raise DataError(f"There is no file {path}", do="Correct the path")
    try:
        with path.open("rb") as stream:
            start = stream.read(2)
            stream.seek(0)
            if start not in (b"PK", b"\x93N"):
                raise damaged(path, "an .npz file", "a file of another kind", "Fetch it or save it again")
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise damaged(path, "an .npz archive of arrays", "a single array", "Save it by numpy.savez")
            return {name: _array(path, file, name) for name in file.files}
    except DataError:
        raise
    except (
        OSError, ValueError, EOFError, MemoryError, RuntimeError, SyntaxError, OverflowError, TypeError, KeyError,
        UnicodeError, RecursionError, struct.error, lzma.LZMAError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise damaged(
            path,
            "a whole .npz file of plain arrays",
            str(error) or type(error).__name__,
            "Save it again, without Python objects",
        ) from error


def _array(path: Path, file: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    """One array; a member that is no array is refused. An encrypted or unknown one raises in `zipfile`."""
    found = file[name]
    if not isinstance(found, np.ndarray):
        raise damaged(
            path, "an .npz archive of arrays", f"the member {name!r}, which is not an array", "Leave it out"
        )
    return found
