"""The contract of a primary network: a trunk that maps inputs to features, and one head per task.

The trunk holds the shared parameters; a head belongs to one task. Any `nn.Module` of the user's that maps
inputs to features is a trunk too (`adopt`). `build_network` puts trunk and heads together.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

from torch import Tensor, nn


class Trunk(nn.Module, ABC):
    """Maps inputs [B, ...] to features [B, width], or to a feature map [B, width, H, W].

    Attributes:
        width: Number of features.
        head_width: The width of the hidden layer in a two-layer head, or 0 where heads are one linear layer
            (the papers' VGG-16 heads have two layers).
        dense: Whether it returns a feature map, from which dense tasks predict a value for every pixel.
        modality: Kind of its inputs: "image" ([B, C, H, W]), "vector" ([B, D]) or "any" (it flattens).
        channels_last: Whether it is faster on a CPU where images and convolutions have the channels innermost in memory
            (`view` of a feature map fails so).

    A trunk of two layers; a member of the family is such a class in a file of its own:

    >>> import torch
    >>> class Small(Trunk):
    ...     modality, width = "vector", 16
    ...     def __init__(self, inputs):
    ...         super().__init__()
    ...         self.layers = nn.Sequential(nn.Linear(inputs, 16), nn.ReLU())
    ...     @classmethod
    ...     def build(cls, shape, **options):
    ...         return cls(*shape)
    ...     def forward(self, x):
    ...         return self.layers(x)
    >>> Small.build((8,))(torch.zeros(4, 8)).shape
    torch.Size([4, 16])
    """

    modality: ClassVar[str]
    channels_last: ClassVar[bool] = False
    dense: ClassVar[bool] = False
    width: int
    head_width: int = 0

    @classmethod
    @abstractmethod
    def build(cls, shape: tuple[int, ...], **options: int | float | str | bool) -> "Trunk":
        """The trunk for inputs of this shape (without the batch dimension).

        Raises:
            ConfigError: The trunk cannot take inputs of this shape, or an option makes no sense.
        """


class Heads(nn.Module):
    """One module per task, under any task name.

    `nn.ModuleDict` refuses names with a dot and the names of its own methods ("type", "values", "train"),
    which a table's columns may well have; such a name is escaped in the parameters' names, and nowhere else.

    >>> list(Heads({"box.x": nn.Linear(2, 1), "type": nn.Linear(2, 3)}))
    ['box.x', 'type']
    """

    def __init__(self, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self._keys: dict[str, str] = {}
        for name, head in heads.items():
            key = name.replace("%", "%25").replace(".", "%2E")
            self._keys[name] = f"%{key}" if not key or hasattr(self, key) else key
            self.add_module(self._keys[name], head)

    def __getitem__(self, name: str) -> nn.Module:
        return self.get_submodule(self._keys[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, name: str) -> bool:
        return name in self._keys

    def keys(self) -> list[str]:
        """The tasks' names, in order."""
        return list(self._keys)

    def items(self) -> list[tuple[str, nn.Module]]:
        """The tasks' names and heads, in order."""
        return [(name, self[name]) for name in self._keys]


class PrimaryNetwork(nn.Module):
    """f(x; W): a trunk and one head per task.

    Args:
        trunk: Network from inputs to features; a `Trunk`, or any module with an integer attribute `width`.
        heads: One module per task, from features to that task's outputs.

    `build_network` makes trunk and heads by name; this is the same by hand:

    >>> import torch
    >>> network = PrimaryNetwork(nn.Linear(8, 16), {"breed": nn.Linear(16, 5), "coat": nn.Linear(16, 3)})
    >>> {name: list(output.shape) for name, output in network(torch.zeros(4, 8)).items()}
    {'breed': [4, 5], 'coat': [4, 3]}
    """

    def __init__(self, trunk: nn.Module, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = Heads(heads)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """The signals: each task's outputs, [B, task.width] (dense tasks: [B, task.width, H, W])."""
        features = self.trunk(x)
        return {name: head(features) for name, head in self.heads.items()}

    def shared_parameters(self) -> list[nn.Parameter]:
        """The trainable parameters that every task reaches: the trunk's."""
        return [p for p in self.trunk.parameters() if p.requires_grad]


CONTRACT = Trunk
