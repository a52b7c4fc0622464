"""The auxiliary network over a vector of losses, g(l; phi), shared by combiners."""

from collections.abc import Callable
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from auxin.combiners._weights import ConstrainedWeights, project_all
from auxin.combiners.base import LossCombiner, Options, TaskLosses, TrainedBy, choice, number
from auxin.paper import AUXILEARN, Paper

Activation = Callable[[Tensor], Tensor]
INITS = ("even", "uniform")


def identity(x: Tensor) -> Tensor:
    """The activation of a deep linear network."""
    return x


class LossNetwork(nn.Module):
    """A fully connected network from a loss vector to a number, minus its value at zero losses.

    It begins as near to `scale` times the sum of the auxiliary losses as it can. In the first layer the columns
    of all auxiliaries are equal and that of the main task is zero; all other weights are positive and random;
    the last layer is scaled so that the slope in every auxiliary is `scale` where every loss is one. Biases
    begin at 1, where Softplus is nearly straight: with three tasks the slope begins within 0.65 and 1.1 times
    `scale` whatever the losses. Each layer is learned at a rate of its own, see `ConstrainedWeights`. So at the
    start no auxiliary is treated differently from another.

    With `init="uniform"` it begins as the authors' code does: every weight, the main task's too, is drawn from
    U(0, `upper`), biases are zero, and every auxiliary loss is multiplied by `scale` before it enters the network
    (their factor tau).

    Args:
        count: Number of losses, the main one first.
        width: Number of units per hidden layer.
        depth: Number of hidden layers.
        constraint: see `ConstrainedWeights`.
        activation: Between layers; `identity` makes the network linear and has no biases.
        scale: Initial slope, or factor of the auxiliary losses.
        init: "even", or "uniform" (the authors').
        upper: The upper end of the authors' distribution (1 on NYUv2, 0.2 on Oxford-IIIT Pet).
    """

    factor: Tensor

    def __init__(
        self,
        count: int,
        width: int,
        depth: int,
        constraint: str,
        activation: Activation,
        scale: float,
        init: str = "even",
        upper: float = 1.0,
    ) -> None:
        super().__init__()
        number("width", width, above=1)
        number("depth", depth, above=1)
        number("scale", scale, inclusive=False)
        number("upper", upper, inclusive=False)
        self.activation = activation
        even = choice("init", init, INITS) == "even"
        factor = torch.tensor([1.0] + [1.0 if even else float(scale)] * (count - 1))
        self.register_buffer("factor", factor, persistent=False)
        if not even:
            self._as_the_authors(count, width, depth, constraint, upper)
            return
        first = torch.cat([torch.zeros(width, 1), positive(width, 1).expand(width, count - 1)], 1)
        hidden = [positive(width, width) / width for _ in range(depth - 1)]
        weights = [first, *hidden, positive(1, width) / width]
        bent = activation is not identity
        self.biases = nn.ParameterList([torch.ones(width) for _ in range(depth)] if bent else [])
        weights[-1] *= scale / self._slope(weights)
        self.layers = nn.ModuleList(ConstrainedWeights(w, constraint, len(weights)) for w in weights)
        self.layer_rates = {f"biases.{i}": 1 / len(weights) for i in range(len(self.biases))}

    def _as_the_authors(self, count: int, width: int, depth: int, constraint: str, upper: float) -> None:
        sizes = [count, *[width] * depth, 1]
        bent = self.activation is not identity
        self.biases = nn.ParameterList([torch.zeros(width) for _ in range(depth)] if bent else [])
        self.layers = nn.ModuleList(
            ConstrainedWeights(torch.empty(after, before).uniform_(0, upper), constraint)
            for before, after in pairwise(sizes)
        )

    def forward(self, losses: Tensor) -> Tensor:
        """g(l) - g(0) for each row of losses, [N, T] to [N]."""
        weights = [layer() for layer in self.layers]
        losses = losses.to(weights[0].dtype) * self.factor.to(weights[0])
        return self._run(losses, weights) - self._run(torch.zeros_like(losses[:1]), weights)

    def _run(self, x: Tensor, weights: list[Tensor]) -> Tensor:
        for i, weight in enumerate(weights[:-1]):
            x = x @ weight.T
            x = self.activation(x + self.biases[i] if len(self.biases) else x)
        return (x @ weights[-1].T).squeeze(1)

    def _slope(self, weights: list[Tensor]) -> Tensor:
        with torch.enable_grad():
            ones = torch.ones(1, weights[0].shape[1], requires_grad=True)
            slope = torch.autograd.grad(self._run(ones, weights).sum(), ones)[0]
        return slope[0, -1]


def positive(*shape: int) -> Tensor:
    """Weights near one, from which a network of losses begins."""
    return torch.empty(shape).uniform_(0.5, 1.5)


def with_skip(network: Callable[[Tensor], Tensor] | None, losses: TaskLosses) -> Tensor:
    """The main loss plus the network's mean over samples: L_T = l_main + g(l; phi), Navon et al. 2021,
    equation 1.

    Without a network (no auxiliary task) it is the main loss. A label that is missing in a sample enters as
    its task's mean over the batch, see `TaskLosses.filled`.
    """
    main = losses.means()[0]
    return main if network is None else main + network(losses.per_sample().filled()).mean()


class NetworkCombiner(LossCombiner):
    """A combiner that is a `LossNetwork` beside the main loss, trained by the hypergradient.

    Attributes:
        activation: Function between the layers.
        constraints: Constraints on the weights that the combiner offers.
    """

    trained_by: ClassVar[TrainedBy] = TrainedBy.HYPERGRADIENT
    paper: ClassVar[Paper | None] = AUXILEARN
    published: ClassVar[Options] = {"init": "uniform", "upper": 0.2, "scale": 0.1, "width": 10, "depth": 5}
    activation: ClassVar[Activation] = staticmethod(F.softplus)
    constraints: ClassVar[tuple[str, ...]] = ("clipped", "positive")

    def __init__(
        self,
        count: int,
        scale: float = 1.0,
        width: int = 10,
        depth: int = 2,
        constraint: str = "clipped",
        init: str = "even",
        upper: float = 1.0,
    ) -> None:
        super().__init__(count)
        choice("constraint", constraint, self.constraints)
        parts = (width, depth, constraint, type(self).activation, scale, init, upper)
        self.network = LossNetwork(count, *parts) if count > 1 else None

    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar."""
        return with_skip(self.network, self.check(losses))

    def after_meta_step(self) -> None:
        """Clip negative weights."""
        project_all(self)
