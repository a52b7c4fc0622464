"""Clothes 28x28 in ten kinds, up to 70,000 images, from the four idx files of Fashion-MNIST."""

from pathlib import Path

from auxin.data._mnist import read_four, remotes
from auxin.data.base import Dataset, DataSource
from auxin.data.reading.files import prepare
from auxin.tasks.classes import Classes

_REMOTES = remotes(
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26421880),
    ("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29515),
    ("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4422102),
    ("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148),
)
_NAMES = (
    "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip


class FashionMnist(DataSource):
    """Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), 60,000 + 10,000 images, uint8 [N, 1, 28, 28].

    Files: those of MNIST, in the folder, in `fashion_mnist/` or in `fashion_mnist/raw/`. Where there is no
    `train-*` pair, a pair `train10k-*` (10,000 of the training images) is read; `source` says which was.

    Options:
        download: fetch the files first.
    """

    @classmethod
    def load(cls, root: Path | None, *, download: bool = False) -> Dataset:
        """Read the four files."""
        folder = prepare("fashion_mnist", root, download, _REMOTES)
        images, labels, test, source = read_four("fashion_mnist", folder, ["train", "train10k"], _REMOTES)
        return Dataset(
            name="fashion_mnist",
            x=images,
            tasks={"clothing": Classes("clothing", 10, label_names=_NAMES)},
            y={"clothing": labels},
            main="clothing",
            official_test=test,
            source=source,
            licence="MIT",
        )
