"""PASCAL VOC 2012 at 96x96 (VOC12S): twenty kinds of object, several in an image."""

import xml.etree.ElementTree as ET
from pathlib import Path

import torch

from auxin.data.base import Dataset, DataSource
from auxin.data.reading.download import RemoteFile
from auxin.data.reading.files import damaged, readable
from auxin.data.reading.published import lines, place, sides, squares
from auxin.errors import ConfigError
from auxin.tasks.classes import Classes
from auxin.tasks.multilabel import Multilabel

_REMOTES = (
    RemoteFile(
        "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
        "md5:6cd6e144f989b92b3379bac3b3de84fd",
        1999639040,
    ),
)
NAMES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


class Voc12s(DataSource):
    """PASCAL VOC 2012 (Everingham et al.), 5,717 training and 5,823 validation images, which test here.

    Files, as the publisher's archive unpacks: `JPEGImages/*.jpg`, `Annotations/*.xml`,
    `ImageSets/Main/{train,val}.txt`. MAXL's table 1 calls it VOC12S: resized to 96 x 96. How its authors train one
    class per image on images of several is not said; here the class whose boxes cover most of the image is the label.

    The address, the MD5 sum and the folders are those of torchvision's `datasets/voc.py`.

    Options:
        target: "largest" (one class per image), or "labels" (all of them, a task of twenty attributes; its metric
            `hit` is whether the likeliest class is in the image).
        size: The side that images are brought to; 96 where not given.
        download: fetch the archive first (2.0 GB).
    """

    @classmethod
    def load(
        cls, root: Path | None, *, target: str = "largest", size: int = 96, download: bool = False
    ) -> Dataset:
        """Read images and annotations."""
        if target not in ("largest", "labels"):
            wrong = f"VOC12S has no target {target!r}"
            raise ConfigError(wrong, expected="largest or labels", found=repr(target))
        holds = ("JPEGImages", "Annotations", "ImageSets/Main/train.txt", "ImageSets/Main/val.txt")
        folder = place("voc12s", root, holds, _REMOTES, download)
        names = [lines(folder / "ImageSets" / "Main" / f"{side}.txt") for side in ("train", "val")]
        both = [name.strip() for side in names for name in side]
        areas = torch.stack([_areas(folder / "Annotations" / f"{name}.xml") for name in both])
        kind = Classes if target == "largest" else Multilabel
        return Dataset(
            name="voc12s",
            x=squares([folder / "JPEGImages" / f"{name}.jpg" for name in both], size),
            tasks={"object": kind("object", 20, label_names=NAMES)},
            y={"object": areas.argmax(1) if target == "largest" else (areas > 0).long()},
            main="object",
            official_test=sides(*map(len, names)),
            source=str(folder),
            licence="the images' owners' (Flickr); research use",
            augmentation="crop_flip",
        )


def _areas(file: Path) -> torch.Tensor:
    """The area of each class's boxes, in pixels, float [20]."""
    with readable(file, "an annotation in XML", OSError, ET.ParseError):
        tree = ET.parse(file)
    found = torch.zeros(20)
    for thing in tree.iter("object"):
        name = thing.findtext("name", "")
        sides = [float(thing.findtext(f"bndbox/{side}", "nan")) for side in ("xmin", "ymin", "xmax", "ymax")]
        if name not in NAMES or not all(side == side for side in sides):
            raise damaged(file, "objects of the twenty classes with their boxes", f"{name!r} with {sides}")
        found[NAMES.index(name)] += (sides[2] - sides[0] + 1) * (sides[3] - sides[1] + 1)
    if not found.any():
        raise damaged(file, "at least one object", "none")
    return found
