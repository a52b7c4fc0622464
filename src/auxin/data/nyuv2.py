"""NYUv2: indoor scenes with 13 classes of things, depth and surface normals for every pixel."""

from pathlib import Path
from typing import ClassVar

from auxin.data.base import Dataset, DataSource
from auxin.data.reading.dense import two_sides


class Nyuv2(DataSource):
    """NYUv2 (Silberman et al. 2012; normals of Eigen, Fergus 2015), 795 training and 654 test images of 288 x 384.

    Files, as Liu, Johns and Davison prepared them and as AuxiLearn reads them: `train/` and `val/`, each with
    `image/0.npy` ... [H, W, 3] in [0, 1], `label/` [H, W] (-1 where there is none), `depth/` [H, W, 1] in metres (0
    where there is none) and `normal/` [H, W, 3]. They are to be fetched by hand. The folders and the order of the axes
    are those of `im2im_pred/create_dataset.py` in lorenmt/mtan and of `experiments/nyuv2/data.py` in AuxiLearn's code.

    Options:
        shrink: Every image and label is thinned to one pixel in so many each way; 1 where not given.
    """

    where: ClassVar[str] = (
        "the page of Liu, Johns, Davison 2019, https://github.com/lorenmt/mtan (NYUv2, preprocessed: 288 x 384, 13 "
        "classes, depth, surface normals; the README there links nyuv2.zip)"
    )

    @classmethod
    def load(cls, root: Path | None, *, shrink: int = 1) -> Dataset:
        """Read the arrays."""
        labels = {"segmentation": ("label", 13)}
        numbers = {"depth": ("depth", 1), "normal": ("normal", 3)}
        return two_sides("nyuv2", root, cls.where, labels, numbers, shrink, "none stated (research use)")
