"""Polynomial: learned linear weights over products of losses, trained by the hypergradient."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import comb
from typing import ClassVar

import torch
from torch import Tensor, nn

from auxin.combiners._network import with_skip
from auxin.combiners._weights import ConstrainedWeights, project_all
from auxin.combiners.base import LossCombiner, Options, TaskLosses, TrainedBy, number
from auxin.errors import ConfigError
from auxin.paper import AUXILEARN, Paper

_MOST_TERMS = 20_000


class Polynomial(LossCombiner):
    """L = m_0 + mean_b sum_t w_t prod_(k in t) l_bk over all products t of up to `degree` losses, w >= 0.

    Navon et al. 2021, appendix C.5: "a linear auxiliary network over a polynomial kernel". The main task's own
    powers and its products with the auxiliaries are among the terms; the products are of one sample's losses.
    It begins as `equal` with the same scale: the terms m_k of the auxiliaries weigh `scale`, all others
    nothing. The terms of each degree are learned at such a rate that a step of all of them moves a task's
    weight by the rate where losses are one. The skip connection from the main loss is that of the paper's other
    networks (appendix B.2).

    Args:
        count: Number of tasks, the main one included.
        scale: Initial weight of every auxiliary task.
        degree: Largest number of losses in one product.
        constraint: "clipped" (negative weights become zero after each meta step), "positive" (softplus; a
            term then begins at 1e-4 and not at 0) or "free".

    Raises:
        ConfigError: More than 20,000 terms.

    >>> losses = TaskLosses(torch.tensor([[1.0, 2.0]]), torch.ones(1, 2) > 0, ("seg", "depth"))
    >>> poly = Polynomial(2, scale=0.5)
    >>> poly(losses).item(), poly.terms(losses.names)
    (2.0, ['seg', 'depth', 'seg*seg', 'seg*depth', 'depth*depth'])
    """

    trained_by: ClassVar[TrainedBy] = TrainedBy.HYPERGRADIENT
    paper: ClassVar[Paper | None] = AUXILEARN
    published: ClassVar[Options] = {"constraint": "clipped", "scale": 1.0}

    def __init__(self, count: int, scale: float = 1.0, degree: int = 2, constraint: str = "clipped") -> None:
        super().__init__(count)
        number("degree", degree, above=1)
        self.products = _products(count, degree) if count > 1 else []
        number("scale", scale)
        self.learned = nn.ModuleList()
        for size, terms in Counter(map(len, self.products)).items():
            initial = torch.zeros(terms)
            if size == 1:
                initial[1:] = scale
            part = ConstrainedWeights(initial, constraint)
            part.layer_rates = {"raw": 1 / comb(count + size - 1, size - 1)}
            self.learned.append(part)

    def terms(self, names: Sequence[str]) -> list[str]:
        """What each weight belongs to, in words."""
        return ["*".join(names[k] for k in product) for product in self.products]

    def term_weights(self) -> Tensor:
        """The terms' weights, in the order of `terms`; without the skip connection's 1."""
        return self._weights().detach()

    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar."""
        return with_skip(self._sum if self.products else None, self.check(losses))

    def after_meta_step(self) -> None:
        """Clip negative weights, where the constraint is clipping."""
        project_all(self)

    def _weights(self) -> Tensor:
        return torch.cat([part() for part in self.learned]) if len(self.learned) else torch.zeros(0)

    def _sum(self, x: Tensor) -> Tensor:
        columns = []
        for product in self.products:
            term = x[:, product[0]]
            for k in product[1:]:
                term = term * x[:, k]
            columns.append(term)
        weights = self._weights()
        return torch.stack(columns, 1).to(weights.dtype) @ weights


def _products(count: int, degree: int) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    for d in range(1, degree + 1):
        for product in combinations_with_replacement(range(count), d):
            found.append(product)
            if len(found) > _MOST_TERMS:
                wrong = f"The polynomial of {count} losses and degree {degree} is too large"
                raise ConfigError(wrong, expected=f"at most {_MOST_TERMS} terms")
    return found
