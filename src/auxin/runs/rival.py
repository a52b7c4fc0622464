"""A scikit-learn estimator in the place of the primary network, so that it is scored as one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from auxin import catalogue
from auxin.data import Dataset, Splits
from auxin.data.targets.domains import pooled
from auxin.math.sparse import SparseRows
from auxin.methods.base import Setting
from auxin.rivals import Fitted, InputShape, Vectors, count_of, fit, kind_of
from auxin.runs.build import PreparedRun
from auxin.runs.settings import options


class RivalNetwork(nn.Module):
    """A trained rival as a network of one head.

    Args:
        main: The main task's name.
        fitted: The rival.
    """

    def __init__(self, main: str, fitted: Fitted) -> None:
        super().__init__()
        self.main, self.fitted = main, fitted
        self.place = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Vectors [B, ...] to the main task's outputs [B, width]."""
        return {self.main: self.fitted.outputs(_flat(x)).to(x)}


def tries(name: str, dataset: Dataset, rows: int) -> Sequence[Mapping[str, Setting]]:
    """The settings that a rival tries on data like these.

    Args:
        name: Name of the rival.
        dataset: Data.
        rows: labelled training rows.
    """
    task = dataset.tasks[dataset.main]
    some = dataset.x.take(slice(0, 2000)) if isinstance(dataset.x, SparseRows) else dataset.x[:2000].float()
    shape = _shape(some, rows, task)
    kind = kind_of(task)
    assert kind is not None
    found = catalogue.load("rivals", name).tries(kind, shape)
    return [{f"rival.{option}": value for option, value in one.items()} for one in found]


def with_rival(
    built: PreparedRun,
    name: str,
    splits: Splits,
    settings: Mapping[str, Setting],
    domains: Sequence[str] = (),
) -> PreparedRun:
    """The run with a rival, trained on the run's rows, in place of the network.

    It sees the rows as the network does, normalised and without augmentation, and the rows without a main label
    where it learns from such. Rows of other domains are labelled rows to it.
    """
    member = catalogue.load("rivals", name)
    every = member.unlabelled or domains
    rows = torch.cat([splits.train, splits.unlabelled]) if every else splits.train
    labels = pooled(built.pool.targets(rows), domains, built.task.name)
    if not member.unlabelled:
        known = built.task.present(labels)
        rows, labels = rows[known.to(rows.device)], labels[known]
    x = built.pool.inputs(rows)
    own: dict[str, Any] = options(settings, "rival")
    shape = _shape(x.cpu(), int(built.task.present(labels).sum()), built.task)
    target = labels.cpu()
    seed = int(built.state.feed.seed) % 2**32
    fitted = fit(name, built.task, _flat(x), target, shape, seed, own)
    network = RivalNetwork(built.task.name, fitted).to(built.pool.device)
    built.state.learner.network = network
    return built


def _shape(x: Tensor | SparseRows, rows: int, task: Any) -> InputShape:
    classes = count_of(task) if kind_of(task) == "classes" else 0
    shape = InputShape.of(_flat(x), rows, classes)
    return replace(shape, image=tuple(x.shape[1:])) if x.dim() == 4 else shape


def _flat(x: Tensor | SparseRows) -> Vectors:
    if isinstance(x, SparseRows):
        return x.matrix
    return x.detach().cpu().double().flatten(1).numpy()
