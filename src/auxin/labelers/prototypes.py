"""Nearest Neighbour: soft labels by distance to one prototype per finer class, refined by the main task."""

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from auxin.errors import ConfigError
from auxin.labelers._checks import (
    check_finite,
    check_main,
    given_labels,
    hierarchy_of,
    main_labels,
    ownership,
)
from auxin.labelers._embedding import Embedding, fit_embedding
from auxin.labelers._seeding import generator_of
from auxin.labelers.base import Labeler, LabelerContext
from auxin.math.masked_softmax import check_temperature, masked_softmax
from auxin.math.sparse import SparseRows
from auxin.paper import MAXL
from auxin.typing import Batch


class Prototypes(Labeler):
    """The baseline "Nearest Neighbour": a differentiable nearest-prototype labelling, trained as MAXL is.

    Liu, Davison, Johns 2019, section 4.1 (after Snell, Swersky, Zemel 2017). The prototypes c are phi:

        y_aux = softmax over psi[y] of - |e(x) - c_k|^2 / temperature

    They start as the class means of a small part of the finer labels (10 % of each class's, at least one) in
    a fixed embedding e, and are then trained by the meta-gradient. Which finer class belongs to which
    primary class is read from all training rows that carry both labels. Where we depart: e is not a network
    pre-trained on ImageNet but stated ("pca" of the training inputs, "pixels", "random_trunk"), scaled to a
    total variance of 1; and the labels are soft, so that they can be refined, where the paper speaks of the
    most similar prototype.

    The auxiliary classes keep the data's own numbers. A row without a main label, or whose primary class was
    never seen with a finer label, gets a row of NaN.

    Args:
        embedding: Embedding e of the inputs.
        prototypes: Prototypes c, float [K, d].
        owns: Mask of the auxiliary classes that each primary class may use, bool [P, K].
        main: Name of the main task.
        temperature: Divisor of the squared distances; a small value makes the labels nearly one-hot.

    >>> x, rows = torch.tensor([[0.0], [1.0], [5.0], [6.0]]), torch.arange(4)
    >>> y = {"coarse": torch.tensor([0, 0, 1, 1]), "fine": torch.tensor([0, 1, 2, 3])}
    >>> from auxin.math.hierarchy import Hierarchy
    >>> context = LabelerContext("coarse", Hierarchy((2, 2)), x, y, rows, nn.Identity, seed=0, aux="fine")
    >>> labeler = Prototypes.build(context, embedding="pixels", temperature=0.01)
    >>> labeler(Batch(x, y, rows)).argmax(dim=1).tolist()
    [0, 1, 2, 3]
    """

    learned = True
    paper = replace(MAXL, place="section 4.1, baseline Nearest Neighbour")
    owns: Tensor

    def __init__(
        self, embedding: Embedding, prototypes: Tensor, owns: Tensor, main: str, temperature: float
    ) -> None:
        super().__init__()
        check_temperature(temperature)
        self.embedding, self.prototypes = embedding, nn.Parameter(prototypes)
        self.register_buffer("owns", owns)
        self.main, self.temperature = main, temperature
        self.classes, self.hierarchy = owns.shape[1], hierarchy_of(owns)

    @classmethod
    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        context: LabelerContext,
        *,
        fraction: float = 0.1,
        embedding: str = "pca",
        dims: int = 50,
        temperature: float = 0.1,
    ) -> "Prototypes":
        """Start the prototypes from part of the finer labels.

        Args:
            context: The training rows; `context.aux` names the task with the finer labels.
            fraction: How much of each finer class's labels is used, in (0, 1]; at least one row.
            embedding: "pca", "pixels" or "random_trunk".
            dims: Number of principal components, for "pca".
            temperature: divides the squared distances.

        Raises:
            ConfigError: An option is not usable, or there is no such task.
            DataError: Its labels are not class numbers.
        """
        check_main(context)
        check_temperature(temperature)
        _check_fraction(fraction)
        _, labels = given_labels(context, "prototypes")
        owns = ownership(
            context.y[context.main], labels, context.hierarchy.primary, int(labels.max()) + 1
        ).cpu()
        fixed = fit_embedding(context, embedding, dims)
        chosen = stratified(labels.cpu(), fraction, generator_of(context.seed, "prototypes"))
        x = context.x.take(chosen) if isinstance(context.x, SparseRows) else context.x.cpu()[chosen]
        means = class_means(fixed.in_chunks(x), labels.cpu()[chosen], owns.shape[1])
        return cls(fixed, means, owns, context.main, temperature)

    def forward(self, batch: Batch) -> Tensor:
        """The soft labels, [B, K]."""
        main = main_labels(batch, self.main)
        mask = self.owns[main.clamp_min(0)] & (main >= 0).unsqueeze(1)
        e, c = self.embedding(batch.x), self.prototypes
        # -|e - c|^2 but for |e|^2, which is the same for every class
        closeness = 2.0 * e @ c.T - c.square().sum(dim=1)
        check_finite(closeness)
        return masked_softmax(closeness, mask, self.temperature)


def stratified(labels: Tensor, fraction: float, generator: torch.Generator) -> Tensor:
    """The positions of a random `fraction` of each class's rows, rounded up; unlabelled rows are left out.

    >>> stratified(torch.tensor([0, 0, 1, -1]), 0.5, torch.Generator().manual_seed(0)).shape
    torch.Size([2])
    """
    order = torch.randperm(labels.shape[0], generator=generator)
    parts = []
    for label in labels[labels >= 0].unique():
        rows = order[labels[order] == label]
        parts.append(rows[: math.ceil(fraction * len(rows))])
    return torch.cat(parts).sort().values


def class_means(points: Tensor, labels: Tensor, classes: int) -> Tensor:
    """The mean of each class's points, [K, d]; zero for a class without points.

    Args:
        points: Points, [N, d].
        labels: Class of each point, int64 [N], from 0.
        classes: Number K of classes.

    >>> class_means(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 2]), 3).tolist()
    [[2.0], [0.0], [5.0]]
    """
    sums = points.new_zeros(classes, points.shape[1]).index_add(0, labels, points)
    return sums / labels.bincount(minlength=classes).clamp_min(1).unsqueeze(1).to(points.dtype)


def _check_fraction(fraction: float) -> None:
    if not 0 < fraction <= 1:
        raise ConfigError(
            "The fraction of the finer labels is not usable",
            expected="a number in (0, 1]",
            found=repr(fraction),
        )
