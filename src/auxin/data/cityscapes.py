"""Cityscapes: street scenes with 19, 7 and 2 classes of things and depth for every pixel."""

from pathlib import Path
from typing import ClassVar

from auxin.data.base import Dataset, DataSource
from auxin.data.reading.dense import two_sides
from auxin.data.reading.published import place


class Cityscapes(DataSource):
    """Cityscapes (Cordts et al. 2016), 2,975 training and 500 test images of 128 x 256, main task 19 classes.

    Files, as Liu, Johns and Davison prepared them: `train/` and `val/`, each with `image/0.npy` ... [H, W, 3] in
    [0, 1], `label_19/`, `label_7/` and `label_2/` [H, W] (-1 where there is none), and `depth/` [H, W, 1], which their
    README calls inverse depth (0 where there is none). They are to be fetched by hand. The README of lorenmt/mtan names
    the three sets of labels and the links; the folders `label_19` and `label_7` are those that public loaders of these
    files read. No public loader reads two classes; `label_2` follows the pattern of the names, and where it is absent
    there is no task of two classes.

    Options:
        shrink: Every image and label is thinned to one pixel in so many each way; 1 where not given.
    """

    where: ClassVar[str] = (
        "the page of Liu, Johns, Davison 2019, https://github.com/lorenmt/mtan (Cityscapes, preprocessed: 128 x 256, "
        "2, 7 and 19 classes, inverse depth; the README there links cityscapes2.zip); the images' owner requires a "
        "registration at https://www.cityscapes-dataset.com"
    )

    @classmethod
    def load(cls, root: Path | None, *, shrink: int = 1) -> Dataset:
        """Read the arrays."""
        folder = place("cityscapes", root, ["train/image", "val/image"], where=cls.where)
        levels = [n for n in (19, 7, 2) if n > 2 or (folder / "train" / "label_2").is_dir()]
        labels = {f"classes{n}": (f"label_{n}", n) for n in levels}
        licence = "non-commercial, by Cityscapes' terms"
        return two_sides("cityscapes", root, cls.where, labels, {"depth": ("depth", 1)}, shrink, licence)
