"""A pretrained backbone from a local folder of Hugging Face's `transformers`, or a local file of weights."""

import math
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn

from auxin import catalogue
from auxin.errors import ConfigError, message
from auxin.models._transformers import FrozenTrunk, read_folder
from auxin.models.base import Trunk


class Pretrained(Trunk):
    """A trunk whose weights are there already: named `pretrained:PATH`, where PATH is on this machine.

    A folder holds what `save_pretrained` of `transformers` wrote (`config.json` and weights) of a model that takes
    images or text; an image's features are the pooled output, or the mean over positions of the last hidden state; a
    text's the mean over its tokens, beside the table's other inputs. Nothing is looked up on a hub. Dropout is off,
    so that the look-ahead sees the network that is trained. A file (`.safetensors`) holds weights of one of auxin's
    own trunks, such as a run's `network.safetensors`; heads in it are ignored.

    Images are resized to the model's own size (bilinear) and grey images are repeated over three channels. auxin
    normalises by the training rows' mean and deviation, where the publisher used those of the rows it was trained on:
    both put inputs on the same scale, and the publisher's own constants are not applied a second time.

    Args:
        shape: Shape of the inputs, (C, H, W) for a folder of images.
        path: Path of the folder or file.
        body: Name of the auxin trunk that a file of weights belongs to.
        frozen: A folder's weights stay as they are, and one layer of `layer` units on top is trained, which all tasks
            share.
        layer: Number of units of that layer.
        texts: How many of the inputs, from the end, are tokens of each text, "256+32"; the data say it.
        options: Options of the trunk, for a file of weights.

    Raises:
        ConfigError: The path does not hold such a model, or the model cannot take the inputs.
    """

    modality = "any"

    def __init__(
        self,
        shape: tuple[int, ...],
        path: str = "",
        body: str = "resnet18",
        frozen: bool = False,
        layer: int = 256,
        texts: str = "",
        **options: Any,
    ) -> None:
        super().__init__()
        place = Path(path).expanduser()
        if not path or not place.exists():
            raise ConfigError(
                "There is no pretrained model at this path",
                expected="pretrained:PATH, a folder that save_pretrained wrote or a .safetensors file",
                found=path or "no path",
            )
        if place.is_dir():
            made = read_folder(place, shape, texts, options)
            self.body = FrozenTrunk(made, layer) if frozen else made
        else:
            self.body = _weights(place, shape, body, options)
        self.width = int(self.body.width)  # type: ignore[arg-type]
        self.head_width = int(getattr(self.body, "head_width", 0))
        self.dense = bool(getattr(self.body, "dense", False))  # type: ignore[misc]
        self.channels_last = bool(getattr(self.body, "channels_last", False))  # type: ignore[misc]

    @classmethod
    def build(cls, shape: tuple[int, ...], **options: int | float | str | bool) -> "Pretrained":
        """The pretrained trunk for inputs of this shape."""
        return cls(shape, **options)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Inputs [B, ...] to features [B, width]."""
        return self.body(x)


def _weights(place: Path, shape: tuple[int, ...], name: str, options: dict[str, Any]) -> nn.Module:
    """One of auxin's trunks with the weights of a file."""
    body = catalogue.load("models", name).build(shape, **options)
    try:
        found = load_file(place)
    except Exception as error:  # safetensors raises its own kinds
        raise ConfigError(message(f"The weights {place} cannot be read: {error}")) from error
    own = {name.removeprefix("trunk."): value for name, value in found.items() if name.startswith("trunk.")}
    try:
        body.load_state_dict(own or found)
    except RuntimeError as error:
        count = sum(math.prod(value.shape) for value in (own or found).values())
        raise ConfigError(
            f"The weights {place} do not fit the trunk {name!r}",
            expected="the same parameters",
            found=f"{len(own or found)} tensors of {count:,} numbers",
            do="Name its trunk and options: --set model.body=NAME --set model.OPTION=VALUE",
        ) from error
    return body
