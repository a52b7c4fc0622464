"""Reading `.npz` archives of plain arrays."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from auxin.data.reading.files import damaged
from auxin.errors import DataError, message


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file; nothing in it is run.

    Raises:
        DataError: there is no such file, it is damaged, or it holds Python objects.
    """
    if not path.is_file():
        raise DataError(message(f"There is no file {path}", do="Correct the path"))
    try:
        with path.open("rb") as stream:
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise damaged(path, "an .npz archive of arrays", "a single array", "Save it by numpy.savez")
            return {name: file[name] for name in file.files}
    except DataError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise damaged(
            path, "a whole .npz file of plain arrays", error, "Save it again, without Python objects"
        ) from error
