"""ModelNet: shapes of furniture as clouds of points on their surfaces, from the publisher's OFF files."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from auxin.data.base import Dataset, DataSource
from auxin.data.reading.files import damaged, readable
from auxin.data.reading.published import lines, place
from auxin.errors import DataError
from auxin.tasks.classes import Classes


class Modelnet(DataSource):
    """ModelNet10 or 40 (Wu et al. 2015): points drawn evenly from the surfaces, float32 [N, 3, points, 1].

    Files: `CLASS/train/*.off` and `CLASS/test/*.off`. A cloud is centred and brought into the unit ball; which points
    are drawn depends on the file's name alone. The address is the publisher's, as public loaders give it; the archives
    are zip files, to be fetched and unpacked by hand.

    Options:
        points: How many points per shape; 1,024 where not given.
    """

    where: ClassVar[str] = "https://modelnet.cs.princeton.edu (ModelNet10.zip or ModelNet40.zip)"

    @classmethod
    def load(cls, root: Path | None, *, points: int = 1024) -> Dataset:
        """Read the shapes."""
        folder = place("modelnet", root, (), where=cls.where)
        base = next(
            (p for p in [folder, *sorted(folder.iterdir())] if p.is_dir() and list(p.glob("*/train/*.off"))),
            None,
        )
        if base is None:
            raise DataError(
                f"There are no shapes in {folder}",
                expected="CLASS/train/*.off and CLASS/test/*.off",
                do=f"Fetch them by hand from {cls.where}",
            )
        names = sorted(path.name for path in base.iterdir() if (path / "train").is_dir())
        files = [
            (path, number, side == "test")
            for side in ("train", "test")
            for number, name in enumerate(names)
            for path in sorted((base / name / side).glob("*.off"))
        ]
        return Dataset(
            name="modelnet",
            x=torch.stack([cloud(path, points) for path, _, _ in files]).unsqueeze(-1),
            tasks={"shape": Classes("shape", len(names), label_names=names)},
            y={"shape": torch.tensor([number for _, number, _ in files])},
            main="shape",
            official_test=torch.tensor([test for _, _, test in files]),
            source=str(base),
            licence="academic use",
        )


def cloud(file: Path, points: int) -> torch.Tensor:
    """Points drawn evenly from the surface of an OFF file, in the unit ball, float32 [3, points].

    Raises:
        DataError: The file is damaged.
    """
    vertices, faces = read_off(file)
    corner = vertices[faces]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    if not area.sum() > 0:
        raise damaged(file, "a surface with an area", "none")
    draw = np.random.default_rng(list(file.name.encode()))
    face = draw.choice(len(faces), points, p=area / area.sum())
    u, v = np.sqrt(draw.random((points, 1))), draw.random((points, 1))
    found = (1 - u) * corner[face, 0] + u * (1 - v) * corner[face, 1] + u * v * corner[face, 2]
    found = found - found.mean(0)
    return torch.from_numpy((found / np.linalg.norm(found, axis=1).max()).T.astype(np.float32).copy())


def read_off(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Vertices float [V, 3] and triangles int [F, 3] of an OFF file; larger faces are cut into triangles."""
    words = " ".join(lines(file)).split()
    with readable(file, "an OFF file of vertices and faces", ValueError, IndexError):
        if words[0] == "OFF":
            words = words[1:]
        elif words[0].startswith("OFF"):  # some of the publisher's files have no break after the word
            words = [words[0].removeprefix("OFF"), *words[1:]]
        else:
            raise ValueError(f"it begins with {words[0]!r}")
        count, sides = int(words[0]), int(words[1])
        vertices = np.array(words[3 : 3 + 3 * count], float).reshape(count, 3)
        rest, faces = words[3 + 3 * count :], []
        for _ in range(sides):
            size = int(rest[0])
            ring = [int(word) for word in rest[1 : 1 + size]]
            faces += [(ring[0], ring[k], ring[k + 1]) for k in range(1, size - 1)]
            rest = rest[1 + size :]
        return vertices, np.array(faces, int).reshape(-1, 3)
