"""Multilayer perceptron of two hidden layers, for rows of a table, arrays and small images."""

import math

from torch import Tensor, nn

from auxin.catalogue import check_choice
from auxin.errors import ConfigError
from auxin.models._layers import check_positive, norm_1d
from auxin.models.base import Trunk

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


class MLP(Trunk):
    """Inputs of any shape, flattened, through fully connected layers; features [B, hidden].

    Weights start as PyTorch's linear layers do.

    Args:
        inputs: Size of a flattened input.
        hidden: Number of units of every hidden layer.
        depth: Number of hidden layers.
        norm: "none", "batch", "layer" or "group", before each activation.
        activation: "relu", "tanh" or "gelu".
        dropout: Probability that a hidden unit is dropped in training, after each activation.

    >>> MLP.build((1, 8, 8), hidden=32).width
    32
    """

    modality = "any"

    def __init__(
        self,
        inputs: int,
        hidden: int = 100,
        depth: int = 2,
        norm: str = "none",
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_positive("mlp", hidden=hidden, depth=depth)
        check_choice("activation", activation, _ACTIVATIONS)
        if not 0 <= dropout < 1:
            raise ConfigError(
                "The dropout of trunk 'mlp' is not usable", expected="0 <= dropout < 1", found=str(dropout)
            )
        layers: list[nn.Module] = [nn.Flatten()]
        for before in [inputs] + [hidden] * (depth - 1):
            layers += [nn.Linear(before, hidden), norm_1d(norm, hidden), _ACTIVATIONS[activation]()]
            layers += [nn.Dropout(dropout)] if dropout else []
        self.layers = nn.Sequential(*layers)
        self.width = hidden

    @classmethod
    def build(cls, shape: tuple[int, ...], **options: int | float | str | bool) -> "MLP":
        """The perceptron for inputs of this shape."""
        if not shape or min(shape) < 1:
            raise ConfigError(
                "The trunk 'mlp' cannot take these inputs",
                expected="at least 1 number each",
                found=str(shape),
            )
        return cls(math.prod(shape), **options)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Inputs [B, ...] to features [B, hidden]."""
        return self.layers(x)
