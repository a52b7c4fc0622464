"""ShapeNet part: clouds of points of 16 kinds of object, each point with its part."""

import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from auxin.data.base import Dataset, DataSource
from auxin.data.reading.files import damaged, readable
from auxin.data.reading.published import lines, place
from auxin.tasks.classes import Classes
from auxin.tasks.dense_classes import DenseClasses


class ShapenetPart(DataSource):
    """ShapeNet part (Yi et al. 2016), 16,881 shapes in 16 categories, 50 parts; points float32 [N, 3, points, 1].

    Files: `synsetoffset2category.txt`, `train_test_split/shuffled_{train,val,test}_file_list.json`, and
    `SYNSET/SHAPE.txt` with x, y, z, a normal, and the part in each line. Train and validation shapes train. The main
    task is the part of every point; the category is an auxiliary task. A shape with too few points repeats some. The
    names of the files and of the archive are those that PointNet++'s README and public loaders of its data have. The
    address that they cite, shapenet.cs.stanford.edu/media/, needed no registration; a loader that still names it calls
    itself unmaintained, and ShapeNet's owner gives its data out after a registration at shapenet.org.

    Options:
        points: How many points per shape, drawn by the file's name alone; 1,024 where not given.
    """

    where: ClassVar[str] = (
        "https://shapenet.org (shapenetcore_partanno_segmentation_benchmark_v0_normal.zip, after registration)"
    )

    @classmethod
    def load(cls, root: Path | None, *, points: int = 1024) -> Dataset:
        """Read the shapes."""
        lists = [f"train_test_split/shuffled_{side}_file_list.json" for side in ("train", "val", "test")]
        folder = place("shapenet_part", root, ["synsetoffset2category.txt", *lists], where=cls.where)
        table = folder / "synsetoffset2category.txt"
        known = [line.split() for line in lines(table)]
        if not known or any(len(words) != 2 for words in known):
            raise damaged(table, "a name and a number in each line", "a line of another form")
        categories = {synset: number for number, (_, synset) in enumerate(sorted(known))}
        named = [[path.split("/")[-2:] for path in _listed(folder / part)] for part in lists]
        rows = [row for side in named for row in side]
        if unknown := {synset for synset, _ in rows} - set(categories):
            raise damaged(
                table, "every category of the shapes", f"none of number {', '.join(sorted(unknown))}"
            )
        shapes = [_points(folder / synset / f"{shape}.txt", points) for synset, shape in rows]
        parts = torch.from_numpy(np.stack([part for _, part in shapes])).unsqueeze(-1)
        category = torch.tensor([categories[synset] for synset, _ in rows])
        names = [name for name, _ in sorted(known)]
        return Dataset(
            name="shapenet_part",
            x=torch.from_numpy(np.stack([xyz for xyz, _ in shapes])).unsqueeze(-1),
            tasks={
                "part": DenseClasses("part", max(2, int(parts.max()) + 1)),
                "category": Classes(
                    "category", max(2, len(names)), label_names=names if len(names) > 1 else None
                ),
            },
            y={"part": parts, "category": category},
            main="part",
            official_test=torch.arange(len(rows)) >= len(rows) - len(named[2]),
            source=str(folder),
            licence="ShapeNet's terms of use (non-commercial research)",
        )


def _listed(file: Path) -> list[str]:
    with readable(file, "a JSON list of shapes", OSError, ValueError):
        return [str(path) for path in json.loads(file.read_text(encoding="utf-8"))]


def _points(file: Path, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Points float32 [3, points] in the unit ball, and their parts int64 [points]."""
    with readable(file, "seven numbers in each line", OSError, ValueError):
        table = np.loadtxt(file, ndmin=2)
    if table.shape[1] != 7:
        raise damaged(file, "seven numbers in each line", f"{table.shape[1]}")
    draw = np.random.default_rng(list(file.name.encode()))
    order = draw.permutation(len(table))
    order = np.resize(order, points)
    xyz = table[order, :3] - table[:, :3].mean(0)
    xyz = xyz / np.linalg.norm(xyz, axis=1).max()
    return xyz.T.astype(np.float32).copy(), table[order, 6].astype(np.int64)
