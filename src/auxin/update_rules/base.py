"""The contract of an unsupervised update rule: one step of T base networks on T batches, without labels.

A rule sees the base networks' state phi and a batch of inputs and gives the next state. Learned rules carry
meta-parameters theta (they are ordinary `nn.Module` parameters); hand rules carry none.
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from auxin.errors import ConfigError, DataError
from auxin.math.rule_network import forward, truncated_normal
from auxin.paper import Paper


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """phi: the weights of T base networks of one shape.

    Attributes:
        weights: W^l, one per layer, [T, N_(l-1), N_l].
        backward: V^l, the weights that carry the error signal back, the same shapes.
        biases: b^l, [T, N_l].
        age: How many steps this state has taken.

    >>> state = State((torch.zeros(2, 5, 3),), (torch.zeros(2, 5, 3),), (torch.zeros(2, 3),))
    >>> state.widths, state.tasks
    ((5, 3), 2)
    """

    weights: tuple[Tensor, ...]
    backward: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    age: int = 0

    @property
    def widths(self) -> tuple[int, ...]:
        """N_0 (inputs), the hidden widths, and N_L (the embedding)."""
        return (self.weights[0].shape[1], *(w.shape[2] for w in self.weights))

    @property
    def tasks(self) -> int:
        """How many networks are held side by side."""
        return self.weights[0].shape[0]

    def tensors(self) -> list[Tensor]:
        """All of W, V and b, in that order: what a checkpoint keeps."""
        return [*self.weights, *self.backward, *self.biases]

    def with_tensors(self, tensors: Sequence[Tensor], age: int | None = None) -> "State":
        """The state made of these tensors, in the order of `tensors()`."""
        n = len(self.weights)
        parts = (tuple(tensors[:n]), tuple(tensors[n : 2 * n]), tuple(tensors[2 * n :]))
        return State(*parts, self.age if age is None else age)

    def detach(self) -> "State":
        """The same numbers, cut from the graph."""
        return self.with_tensors([t.detach() for t in self.tensors()])

    def to(self, device: torch.device | str) -> "State":
        """The same numbers on another device."""
        return self.with_tensors([t.to(device) for t in self.tensors()])

    def restart(self) -> "State":
        """The same numbers at age 0."""
        return replace(self, age=0)


class UpdateRule(nn.Module, ABC):
    """Moves the weights of base networks without a label and without a loss of the task.

    Attributes:
        weight_std: standard deviation of W and V at the start (truncated at two of them).
        bias_std: The same for b.
        top: What stands behind the top layer: "relu" (or any activation), "linear", or "mixed" (half of each).
        paper: Where it is from.
    """

    paper: ClassVar[Paper | None] = None
    weight_std: float = 0.14
    bias_std: float = 0.1
    top: str = "relu"

    @abstractmethod
    def step(self, state: State, x: Tensor, activation: str = "relu") -> State:
        """The state after one unsupervised step on the inputs x, [T, B, N_0]."""

    def check_widths(self, widths: Sequence[int]) -> None:
        """Refuse a shape of network that this rule cannot train.

        Raises:
            ConfigError: Fewer than two widths, or one below 1.
        """
        if len(widths) < 2 or min(widths) < 1:
            raise ConfigError(
                "A base network needs an input width and at least one layer",
                expected="two or more widths, each at least 1",
                found=str(tuple(widths)),
            )

    def init_state(
        self,
        widths: Sequence[int],
        tasks: int = 1,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> State:
        """Fresh networks of these widths (inputs first, embedding last), drawn from the generator.

        Raises:
            ConfigError: This rule cannot train a network of these widths.
        """
        self.check_widths(widths)
        shapes = [(tasks, a, b) for a, b in itertools.pairwise(widths)]

        def draw(shape: tuple[int, ...], std: float) -> Tensor:
            return truncated_normal(shape, std, generator).to(dtype)

        return State(
            tuple(draw(s, self.weight_std) for s in shapes),
            tuple(draw(s, self.weight_std) for s in shapes),
            tuple(draw((tasks, s[2]), self.bias_std) for s in shapes),
        )

    def features(
        self, state: State, x: Tensor, activation: str = "relu", reference: Tensor | None = None
    ) -> Tensor:
        """The top layer's activities, [T, B, N_L], normalised by the batch's own statistics or by a reference's.

        Args:
            state: The trained networks.
            x: Inputs [T, B, N_0].
            activation: The hidden layers' activation.
            reference: Inputs [T, B', N_0] whose statistics every batch norm uses (inductive); None: x's own
                (transductive, as in the paper).
        """
        return forward(state, x, activation, self.top, reference).top.transpose(1, 2)


CONTRACT = UpdateRule


def check_inputs(state: State, x: Tensor) -> None:
    """Refuse inputs that do not fit the networks."""
    if x.dim() != 3 or x.shape[0] != state.tasks or x.shape[2] != state.widths[0]:
        raise DataError(
            "The inputs do not fit the networks",
            expected=f"[{state.tasks} tasks, batch, {state.widths[0]} inputs]",
            found=str(tuple(x.shape)),
        )
