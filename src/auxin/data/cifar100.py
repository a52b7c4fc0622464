"""CIFAR-100 in the four levels of classes {3, 10, 20, 100} of the MAXL paper, colour images 32x32."""

from pathlib import Path

from torch import Tensor

from auxin.data._cifar import CifarPart, Layout, read_cifar
from auxin.data.base import Dataset, DataSource
from auxin.data.reading.download import RemoteFile
from auxin.data.reading.files import prepare
from auxin.data.reading.published import sides
from auxin.data.targets.hierarchy100 import LEVELS, NAMES, parents
from auxin.errors import ConfigError, DataError
from auxin.tasks.classes import Classes

_LAYOUT = Layout(
    name="cifar100",
    python="cifar-100-python",
    binary="cifar-100-binary",
    train=("train",),
    test=("test",),
    classes={"coarse": 20, "fine": 100},
    keys={
        "coarse": ("coarse_labels", "coarse_label", "coarse_labels"),
        "fine": ("fine_labels", "fine_label", "labels"),
    },
    remotes=(
        RemoteFile(
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            168513733,
        ),
    ),
)


class Cifar100(DataSource):
    """CIFAR-100 (Krizhevsky 2009), 50,000 training and 10,000 test images, uint8 [N, 3, 32, 32].

    Liu, Davison, Johns 2019, section 4.3 and appendix A: the publisher's two levels (20 and 100 classes) and
    the paper's two above them (3 and 10). The tasks are called `level3`, `level10`, `level20`, `level100`.

    Files, the first form that is found: `cifar-100-python/{train,test}`, `cifar-100-binary/{train,test}.bin`,
    `cifar100_{train,test}.npz`, or Parquet shards `{train,test}*.parquet`; in the folder or in `cifar100/`.
    Pickles are read without running anything in them.

    Options:
        level: "PRIMARY:AUXILIARY", two of 3, 10, 20, 100; further auxiliary levels after further colons, as in
            "20:100:10:3"; or "PRIMARY" alone.
        download: fetch the binary version first (169 MB).
    """

    @classmethod
    def load(cls, root: Path | None, *, level: str | int = "20:100", download: bool = False) -> Dataset:
        """Read it."""
        levels = _parse(level)
        folder = prepare("cifar100", root, download, _LAYOUT.remotes)
        train, test, source = read_cifar(_LAYOUT, folder)
        both = CifarPart.join([train, test])
        _contradiction(both.labels["fine"], both.labels["coarse"], source)
        tasks = {f"level{n}": n for n in levels}
        main, *others = tasks
        return Dataset(
            name="cifar100",
            x=both.images,
            tasks={task: Classes(task, n, label_names=NAMES[n]) for task, n in tasks.items()},
            y={task: parents(100, n)[both.labels["fine"]] for task, n in tasks.items()},
            main=main,
            official_test=sides(len(train.images), len(test.images)),
            parents={task: parents(tasks[task], levels[0]) for task in others if tasks[task] > levels[0]},
            source=source,
            licence="none stated (research use)",
            augmentation="crop_flip",
        )


def _parse(level: str | int) -> list[int]:
    """The levels of the main and of the auxiliary tasks."""
    words = str(level).split(":")
    known = [str(n) for n in LEVELS]
    levels = [int(word) for word in words if word in known]
    if len(levels) != len(words) or len(set(levels)) != len(levels):
        raise ConfigError(
            f"The level {level!r} is not one of CIFAR-100's",
            expected=f"PRIMARY:AUXILIARY, different levels among {', '.join(known)}",
            found=repr(level),
            do="For example: --level 20:100",
        )
    return levels


def _contradiction(fine: Tensor, coarse: Tensor, source: str) -> None:
    bad = parents(100, 20)[fine] != coarse
    if bad.any():
        row = int(bad.nonzero()[0])
        raise DataError(
            f"The labels in {source} contradict CIFAR-100's classes",
            expected=f"coarse label {int(parents(100, 20)[fine[row]])} for fine label {int(fine[row])}",
            found=f"{int(coarse[row])} in row {row} (the first of {int(bad.sum())} such rows)",
            do="Fetch the files again",
        )
