"""CIFAR-10, colour images 32x32 in ten classes; its file names hold a finer, real auxiliary label."""

import re
from pathlib import Path
from typing import Any

import torch

from auxin.data._cifar import CifarPart, Layout, read_cifar
from auxin.data.base import Dataset, DataSource
from auxin.data.reading.download import RemoteFile
from auxin.data.reading.files import prepare
from auxin.data.reading.published import sides
from auxin.errors import ConfigError, DataError
from auxin.tasks.classes import Classes

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_LAYOUT = Layout(
    name="cifar10",
    python="cifar-10-batches-py",
    binary="cifar-10-batches-bin",
    train=tuple(f"data_batch_{i}" for i in range(1, 6)),
    test=("test_batch",),
    classes={"class": 10},
    keys={"class": ("labels", "label", "labels")},
    remotes=(
        RemoteFile(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            170052171,
        ),
    ),
)


class Cifar10(DataSource):
    """CIFAR-10 (Krizhevsky 2009), 50,000 training and 10,000 test images, uint8 [N, 3, 32, 32].

    Files, the first form that is found: `cifar-10-batches-py/{data_batch_1..5,test_batch}`,
    `cifar-10-batches-bin/*.bin`, `cifar10_{train,test}.npz`, or Parquet shards `{train,test}*.parquet`; in
    the folder or in `cifar10/`. Pickles are read without running anything in them.

    Options:
        aux: "term" adds an auxiliary task `term` that refines the classes: the search term that found the
            image, which begins its file name ("rana_pipiens_s_000938.png"). The Python and `.npz` forms keep
            file names. Its classes are those of the training rows; a term that only test rows have is
            missing there.
        download: fetch the binary version first (170 MB).
    """

    @classmethod
    def load(cls, root: Path | None, *, aux: str | None = None, download: bool = False) -> Dataset:
        """Read it."""
        if aux not in (None, "term"):
            raise ConfigError(f"CIFAR-10 has no auxiliary task {aux!r}", expected="'term'")
        folder = prepare("cifar10", root, download, _LAYOUT.remotes)
        train, test, source = read_cifar(_LAYOUT, folder)
        both = CifarPart.join([train, test])
        return Dataset(
            name="cifar10",
            x=both.images,
            official_test=sides(len(train.images), len(test.images)),
            source=source,
            licence="none stated (research use)",
            augmentation="crop_flip",
            **_tasks(both, len(train.images), aux, source),
        )


def _tasks(both: CifarPart, train: int, aux: str | None, source: str) -> dict[str, Any]:
    main = both.labels["class"]
    made = {
        "tasks": {"class": Classes("class", 10, label_names=NAMES)},
        "y": {"class": main},
        "main": "class",
    }
    if aux is None:
        return made
    if both.files is None:
        raise DataError(
            "The auxiliary task 'term' needs the images' file names",
            expected="the Python or the .npz form of CIFAR-10",
            found=source,
        )
    # one word in two classes is two terms
    keys = [(c, re.sub(r"_s_\d+\.png$", "", f)) for c, f in zip(main.tolist(), both.files, strict=True)]
    known = sorted(set(keys[:train]))
    number = {key: i for i, key in enumerate(known)}
    names = [f"{NAMES[c]}: {term}" for c, term in known]
    made["tasks"]["term"] = Classes("term", len(names), label_names=names)
    made["y"]["term"] = torch.tensor([number.get(key, -1) for key in keys], dtype=torch.int64)
    return {**made, "parents": {"term": torch.tensor([c for c, _ in known])}}
