"""The data sets that a learned rule is evaluated on, by role: which train it, which select it, which test it once."""

import csv
import gzip
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from auxin.data import load
from auxin.errors import ConfigError, DataError
from auxin.rules.tasks_procedural import PROCEDURAL

META_TRAIN = ("strokes", "textures", "mixtures", "cifar10")
META_VALIDATION = ("digits", "mnist", "fashion_mnist")
META_TEST = ("omniglot", "cifar100", "imdb", "wine", "modelnet")
"""The roles, written down before the shipped rule was trained. The test sets are opened once."""

KINDS, DRAWN = 240, 20
"""How many kinds of rows, and rows of each, a procedural set for development has."""

IMAGES = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "omniglot")


@dataclass(frozen=True, slots=True, eq=False)
class RuleData:
    """Rows without labels to learn from, and labelled rows to be judged on.

    Attributes:
        name: Name of the data set.
        unlabelled: [N, D].
        x, y: [M, D] and class labels [M]; the same rows where the set is small.
        ways: Classes per task; where the set has more, each task draws its own.
        label_names: The classes' names, by label; none: the labels themselves.
    """

    name: str
    unlabelled: Tensor
    x: Tensor
    y: Tensor
    ways: int
    label_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse NaN, and columns that differ."""
        if self.unlabelled.shape[1:] != self.x.shape[1:] or self.x.dim() != 2:
            raise DataError(
                "Unlabelled and labelled rows differ",
                found=f"{tuple(self.unlabelled.shape)} and {tuple(self.x.shape)}",
            )
        if not (torch.isfinite(self.x).all() and torch.isfinite(self.unlabelled).all()):
            raise DataError(f"{self.name} holds missing or infinite numbers", do="Fill or drop them.")


def rule_data(name: str, root: Path | None = None, *, side: int = 8, target: str | None = None) -> RuleData:
    """A data set for evaluation.

    Args:
        name: One of the roles' names (a procedural family gives many kinds with few rows each), another that
            `auxin ls data` lists, or a file.
        root: The folder that holds the data sets' folders.
        side: Images become grey and side x side (7 where they are 28 wide).
        target: The column of the labels, in files that need it named.

    Raises:
        DataError: files that are missing or damaged, or whose rows cannot make tasks.
        ConfigError: An unknown name.
    """
    if name in PROCEDURAL:
        return _procedural(name, side)
    if name in _OWN:
        if root is None:
            raise ConfigError(f"Where is {name}?", do="Give --root, the folder that holds its folder.")
        return _OWN[name](root, side)
    folder = root / name if root is not None and (root / name).is_dir() else root
    dataset = load(name, None if name == "digits" else folder, target=target)
    x = dataset.dense("A learned rule")
    rows = images(x, side) if x.dim() == 4 else standard(x.float())
    if x.dim() == 4 and dataset.name == "digits":
        rows = x.flatten(1).float() / 16
    y = dataset.y[dataset.main]
    if y.dtype != torch.int64:
        raise DataError(f"{name} has no classes", do="Name a class column with --target.")
    found = split(dataset.name, rows, y, dataset.official_test)
    return replace(found, label_names=tuple(getattr(dataset.tasks[dataset.main], "label_names", ())))


def _procedural(name: str, side: int) -> RuleData:
    """Many kinds with few rows each, from a meta-training family: half of each kind's rows without labels."""
    generator = torch.Generator().manual_seed(2_000_003)
    x = PROCEDURAL[name](generator, KINDS, DRAWN, side).x.flatten(0, 1)
    place = torch.arange(DRAWN).repeat(KINDS)
    return split(name, x, torch.arange(KINDS).repeat_interleave(DRAWN), place >= DRAWN // 2)


def split(name: str, x: Tensor, y: Tensor, test: Tensor, ways: int = 10) -> RuleData:
    """Learn from the training rows, be judged on the test rows; one pool where no test rows are marked."""
    known = y >= 0
    labelled = known & test if bool(test.any()) else known
    pool = ~test if bool(test.any()) else torch.ones_like(test)
    classes = len(torch.unique(y[labelled]))
    return RuleData(name, x[pool], x[labelled], y[labelled], min(ways, classes))


def images(x: Tensor, side: int) -> Tensor:
    """Images [N, C, H, W] (uint8, or floats) to grey side x side in [0, 1] (7 x 7 where they are 28), [N, D]."""
    side = 7 if x.shape[-1] == 28 and side == 8 else min(side, x.shape[-1])
    scale = 255.0 if x.dtype == torch.uint8 else 1.0
    parts = [F.adaptive_avg_pool2d(p.float().mean(1, keepdim=True) / scale, side) for p in x.split(5000)]
    return torch.cat(parts).flatten(1)


def standard(x: Tensor) -> Tensor:
    """Columns at mean 0 and variance 1; constant columns at 0."""
    return (x - x.mean(0)) / x.std(0).clamp(min=1e-6)


def _need(path: Path) -> Path:
    if not path.is_file():
        raise DataError(f"There is no file {path}", do="See docs/update-rule.md for where to get it.")
    return path


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(_need(path), allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def _omniglot(root: Path, side: int) -> RuleData:
    """Ten drawers of every character without labels, the other ten for tasks of ten characters."""
    arrays = _arrays(root / "omniglot" / "omniglot_small_28.npz")
    x = images(torch.from_numpy(arrays["images"])[:, None], side)
    y = torch.from_numpy(arrays[_key(arrays, "fine_labels", "labels", "character_labels")]).long()
    place = torch.zeros_like(y)
    for label in torch.unique(y):
        rows = torch.nonzero(y == label)[:, 0]
        place[rows] = torch.arange(len(rows))
    return split("omniglot", x, y, place >= 10)


def _key(arrays: dict[str, np.ndarray], *names: str) -> str:
    for name in names:
        if name in arrays:
            return name
    raise DataError("An array is missing", expected=" or ".join(names), found=", ".join(arrays))


_WORD = re.compile(r"[a-z']+")


def _imdb(root: Path, side: int) -> RuleData:
    """Presence of the thousand most frequent words of the training reviews."""
    del side
    texts, labels, test = [], [], []
    for part in ("train", "test"):
        with gzip.open(
            _need(root / "imdb" / f"imdb_{part}.csv.gz"), "rt", encoding="utf-8", newline=""
        ) as file:
            for row in csv.DictReader(file):
                texts.append(set(_WORD.findall(row["text"].replace("<br />", " ").lower())))
                labels.append(int(row["label"]))
                test.append(part == "test")
    counts = Counter(word for words, held in zip(texts, test, strict=True) if not held for word in words)
    vocabulary = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:1000]]
    x = torch.tensor([[float(word in words) for word in vocabulary] for words in texts])
    return split("imdb", x, torch.tensor(labels), torch.tensor(test))


def _wine(root: Path, side: int) -> RuleData:
    """White wine, three quality bands (up to 5, 6, 7 and more), columns standardised; every second row is for tasks."""
    del side
    with _need(root / "tabular" / "winequality-white.csv").open(encoding="utf-8") as file:
        lines = file.read().replace('"', "").replace(";", ",").strip().split("\n")[1:]
    table = torch.tensor([[float(v) for v in line.split(",")] for line in dict.fromkeys(lines)])
    quality = table[:, -1]
    y = (quality > 5).long() + (quality > 6).long()
    return split("wine", standard(table[:, :-1]), y, torch.arange(len(y)) % 2 == 1)


def _modelnet(root: Path, side: int) -> RuleData:
    """Chairs and monitors as 8 x 8 x 8 densities, duplicates dropped; every second row is for tasks."""
    arrays = _arrays(root / "modelnet2_voxels" / "modelnet10_chair_monitor_vox32.npz")
    voxels = arrays[_key(arrays, "voxels", "images", "x")]
    if voxels.ndim == 2:
        voxels = np.unpackbits(voxels, axis=1)
    x = torch.from_numpy(voxels.astype(np.uint8)).view(len(voxels), 1, 32, 32, 32).float()
    rows = F.adaptive_avg_pool3d(x, side).flatten(1)
    first = sorted({row.numpy().tobytes(): n for n, row in reversed(list(enumerate(rows)))}.values())
    y = torch.from_numpy(arrays[_key(arrays, "labels", "y")]).long()[first]
    return split("modelnet", rows[first], y, torch.arange(len(first)) % 2 == 1)


_OWN: dict[str, Callable[[Path, int], RuleData]] = {
    "omniglot": _omniglot,
    "imdb": _imdb,
    "wine": _wine,
    "modelnet": _modelnet,
}
