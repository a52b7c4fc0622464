"""What is trained, by which mathematics, and in which numbers; and the objects that do it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auxin.data import Dataset, load, make_splits
from auxin.hypergradients import Estimator
from auxin.hypergradients.finite_difference import FiniteDifference
from auxin.hypergradients.lookahead import Lookahead
from auxin.methods import Method, resolve
from auxin.runs.build import PreparedRun, build
from auxin.runs.rows import grouped
from auxin.runs.settings import layered
from auxin.tasks.classes import Classes
from auxin.typing import Batch

ROWS, EPOCHS, SIZE = 50_000, 200, 100

AUXILEARN = Method(
    labeler="auxilearn",
    combiner="monotone",
    estimator="implicit",
    published={
        "estimator.solver": "neumann",
        "estimator.terms": 3,
        "estimator.alpha": 0.01,
        "estimator.power_steps": 0,
        "scale": "raw",
    },
)
GAUSS_NEWTON = {"estimator.curvature": "gauss_newton"}


@dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
        method: "single", "MAXL" or "AuxiLearn".
        how: the mathematics of the meta step: "none", "one JVP", "double backward", "finite difference", "Hessian" or
            "Gauss-Newton".
        every: training steps per meta step (MAXL's authors: 1, AuxiLearn's: 25).
        settings: the numbers' format and the like.
        repeat: the same again, for the noise of its curve.
    """

    method: str
    how: str
    every: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    repeat: bool = False

    @property
    def name(self) -> str:
        """As in the report."""
        what = {"none": "single", "one JVP": "MAXL, exact"}.get(self.how, f"{self.method}, {self.how}")
        precision = {"tf32": "TF32"}.get(self.precision, self.precision)
        parts = [what, precision, *(k.replace("_", " ") for k in ("channels_last",) if self.settings.get(k))]
        return ", ".join(parts + ["compiled"] * self.compiled + ["again"] * self.repeat)

    @property
    def precision(self) -> str:
        """float32, tf32 or bfloat16."""
        return self.settings.get("precision", "float32")

    @property
    def compiled(self) -> bool:
        """Whether its steps are compiled."""
        return bool(self.settings.get("compile"))

    @property
    def base(self) -> str:
        """The variant whose losses its own are compared with: the exact one in eager float32."""
        return {"single": "single, float32", "MAXL": "MAXL, exact, float32"}.get(
            self.method, "AuxiLearn, Hessian, float32"
        )


LAST = {"channels_last": True}
EAGER: list[dict[str, Any]] = [{}, {"precision": "tf32"}, {"precision": "bfloat16", **LAST}]
COMPILED = {"precision": "bfloat16", **LAST, "compile": True}
ALL = [*EAGER, {"precision": "bfloat16"}, {"precision": "tf32", **LAST, "compile": True}, COMPILED]
WHAT: list[tuple[str, str, int, list[dict[str, Any]]]] = [
    ("single", "none", 1, ALL),
    ("MAXL", "one JVP", 1, ALL),
    ("MAXL", "double backward", 1, [*EAGER, COMPILED]),
    ("MAXL", "finite difference", 1, EAGER),
    ("AuxiLearn", "Hessian", 25, [*EAGER, COMPILED]),
    ("AuxiLearn", "Gauss-Newton", 25, EAGER),
]
VARIANTS = {v.name: v for v in (Variant(*what, settings=n) for *what, numbers in WHAT for n in numbers)}
AGAIN = Variant("MAXL", "one JVP", repeat=True)
VARIANTS[AGAIN.name] = AGAIN
BASE = AGAIN.base


@dataclass(frozen=True)
class Sizes:
    """How much to measure."""

    steps: int
    rounds: int
    curve: int
    batch: int
    width: int
    matmul: int
    copy: int


FULL = Sizes(steps=100, rounds=4, curve=200, batch=SIZE, width=64, matmul=8192, copy=2**30)
TINY = Sizes(steps=2, rounds=2, curve=2, batch=8, width=1, matmul=64, copy=2**16)


def synthetic(rows: int) -> Dataset:
    """Noise in the shape of CIFAR-100, for a smoke run without files."""
    draw = torch.Generator().manual_seed(0)
    fine = torch.arange(rows) % 100
    x = torch.randint(0, 256, (rows, 3, 32, 32), generator=draw, dtype=torch.uint8)
    tasks = {"coarse": Classes("coarse", 20), "fine": Classes("fine", 100)}
    y = {"coarse": fine // 5, "fine": fine}
    parents = {"fine": torch.arange(100) // 5}
    return Dataset("noise", x, tasks, y, "coarse", torch.zeros(rows, dtype=torch.bool), parents)  # type: ignore[arg-type]


def data(root: Path | None, tiny: bool) -> Dataset:
    """The rows; noise for a smoke run without a folder."""
    if root is None and tiny:
        return synthetic(400)
    return grouped(load("cifar100", root))


def make(dataset: Dataset, variant: Variant, sizes: Sizes, device: str) -> PreparedRun:
    """The authors' recipe (VGG-16, focal loss, SGD) in one variant; the same weights and batches in each."""
    method = AUXILEARN if variant.method == "AuxiLearn" else resolve(variant.method.lower())
    extra = GAUSS_NEWTON if variant.how == "Gauss-Newton" else {}
    sized = {"batch": sizes.batch, "model.channel_width": sizes.width, "epochs": EPOCHS, "psi": 5}
    user = {**variant.settings, **sized, **extra}
    splits = make_splits(dataset, seed=0, validation=0.0)
    built = build(dataset, splits, method, layered("cifar100", "image", method, "paper", user, {}), 0, device)
    another: dict[str, Estimator] = {
        "double backward": Lookahead("reverse"),
        "finite difference": FiniteDifference(),
    }
    if variant.how in another:
        built.state.learner.estimator = another[variant.how]
    built.network.train()
    return built


def batches(built: PreparedRun) -> Iterator[Batch]:
    """Batches of one size, without end."""
    while True:
        yield from (b for b in built.state.feed.epoch() if len(b) == built.state.feed.size)


def both(built: PreparedRun, batch: Batch) -> Tensor:
    """A training step and, where there is a phi, a meta step on one batch; the tasks' losses and the outer loss."""
    learner = built.state.learner
    means = learner.train_step(batch).clone()
    if not learner.learns:
        return means
    return torch.cat([means, learner.meta_step(batch, batch).reshape(1)])
