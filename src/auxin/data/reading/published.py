"""What loaders of published sets share: finding the files, saying where they can be had, reading plain formats."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from auxin.data.reading.download import RemoteFile
from auxin.data.reading.files import missing, prepare, readable
from auxin.data.reading.images import decode, look
from auxin.errors import DataError


def place(
    name: str,
    root: Path | None,
    holds: Sequence[str],
    remotes: Sequence[RemoteFile] = (),
    download: object = False,
    where: str = "",
) -> Path:
    """The folder below `root` that holds these files or folders: `root` itself, one of its folders, or one of theirs.

    Args:
        name: The data set's name.
        root: Where to look.
        holds: Paths that must all be there, relative to the folder.
        remotes: Where the files can be had.
        download: fetch them first.
        where: Where a person finds the files of a set that its owner gives out by hand only.

    Raises:
        DataError: They are not there; it says what was looked for and where it can be had.
    """
    base = prepare(name, root, download, remotes, where)
    below = [base, *sorted(p for p in base.iterdir() if p.is_dir())]
    below += [q for p in below[1:] for q in sorted(p.iterdir()) if q.is_dir()]
    for found in below:
        if all((found / part).exists() for part in holds):
            return found
    raise missing(name, base, [" and ".join(holds)], remotes, where)


def sides(train: int, test: int) -> Tensor:
    """Which rows are the publisher's test rows, where these follow the training rows; bool [train + test]."""
    return torch.arange(train + test) >= train


def squares(paths: Sequence[Path], size: int) -> Tensor:
    """Image files brought to squares of this side, uint8 [N, C, size, size]; C is 1 where all are grey.

    Raises:
        DataError: There are none, or one is missing or damaged.
    """
    if not paths:
        raise DataError("There are no images to read", expected="at least one image file")
    grey = all(one.grey for one in look(paths))
    return decode(paths, (size, size), grey)


def array(path: Path) -> np.ndarray:
    """One `.npy` array; nothing in it is run.

    Raises:
        DataError: The file is absent or damaged.
    """
    with readable(path, "an .npy file of plain numbers", OSError, ValueError, EOFError):
        return np.load(path, allow_pickle=False)


def matlab(path: Path) -> dict:
    """The variables of a MATLAB file up to version 7.

    Raises:
        DataError: The file is absent or damaged.
    """
    from scipy.io import loadmat  # takes a while
    from scipy.io.matlab import MatReadError

    kinds = (
        OSError,
        ValueError,
        TypeError,
        NotImplementedError,
        LookupError,
        EOFError,
        MatReadError,
        zlib.error,
    )
    with readable(path, "a MATLAB file up to version 7", *kinds):
        return loadmat(path, squeeze_me=True, struct_as_record=True)


def lines(path: Path) -> list[str]:
    """The lines of a text file that hold anything.

    Raises:
        DataError: The file is absent.
    """
    with readable(path, "a text file", OSError, UnicodeDecodeError):
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
