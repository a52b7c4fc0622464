"""Handwritten digits 28x28, 70,000 images, from the four idx files of MNIST."""

from pathlib import Path

from auxin.data._digits import digit_tasks
from auxin.data._mnist import read_four, remotes
from auxin.data.base import Dataset, DataSource
from auxin.data.reading.files import prepare

_REMOTES = remotes(
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422),
    ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881),
    ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877),
    ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542),
)


class Mnist(DataSource):
    """MNIST (LeCun, Cortes, Burges), 60,000 training and 10,000 test images, uint8 [N, 1, 28, 28].

    Files: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    `t10k-labels-idx1-ubyte`, plain or `.gz`, in the folder, in `mnist/` or in `mnist/raw/`.

    Options:
        target: "digit" (10 classes), or "parity" (odd or even, with the digit as an auxiliary task that
            refines it).
        download: fetch the files first.
    """

    @classmethod
    def load(cls, root: Path | None, *, target: str = "digit", download: bool = False) -> Dataset:
        """Read the four files."""
        folder = prepare("mnist", root, download, _REMOTES)
        images, labels, test, source = read_four("mnist", folder, ["train"], _REMOTES)
        return Dataset(
            name="mnist",
            x=images,
            official_test=test,
            source=source,
            licence="CC BY-SA 3.0",
            **digit_tasks(labels, target),
        )
