"""A pretrained backbone from a local folder of Hugging Face's `transformers`, or a local file of weights."""

import math
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from auxin import catalogue
from auxin.errors import ConfigError, message
from auxin.models._base import Trunk


class Pretrained(Trunk):
    """A trunk whose weights are there already: named `pretrained:PATH`, where PATH is on this machine.

    A folder holds what `save_pretrained` of `transformers` wrote (`config.json` and weights) of a model that takes
    images; its features are its pooled output, or the mean over positions of its last hidden state. Nothing is
    looked up on a hub. A file (`.safetensors`) holds weights of one of auxin's own trunks, such as a run's
    `network.safetensors`; heads in it are ignored.

    Inputs are resized to the model's own size (bilinear) and grey images are repeated over three channels. auxin
    normalises by the training rows' mean and deviation, where the publisher used those of the rows it was trained on:
    both put inputs on the same scale, and the publisher's own constants are not applied a second time.

    Args:
        shape: of the inputs, (C, H, W) for a folder.
        path: the folder or file.
        body: which of auxin's trunks a file of weights belongs to.
        options: that trunk's own.

    Raises:
        ConfigError: the path does not hold such a model, or the model cannot take the inputs.
    """

    modality: ClassVar[str] = "any"

    def __init__(
        self, shape: tuple[int, ...], path: str = "", body: str = "resnet18", **options: Any
    ) -> None:
        super().__init__()
        place = Path(path).expanduser()
        if not path or not place.exists():
            raise ConfigError(
                message(
                    "There is no pretrained model there",
                    expected="pretrained:PATH, a folder that save_pretrained wrote or a .safetensors file",
                    found=path or "no path",
                )
            )
        self.body = _folder(place, shape) if place.is_dir() else _weights(place, shape, body, options)
        self.width = int(self.body.width)  # type: ignore[arg-type]
        self.head_width = int(getattr(self.body, "head_width", 0))
        self.dense = bool(getattr(self.body, "dense", False))  # type: ignore[misc]

    @classmethod
    def build(cls, shape: tuple[int, ...], **options: int | float | str | bool) -> "Pretrained":
        """The pretrained trunk for inputs of this shape."""
        return cls(shape, **options)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Inputs [B, ...] to features [B, width]."""
        return self.body(x)


class _Images(nn.Module):
    """A vision model of `transformers` as a trunk."""

    def __init__(self, model: nn.Module, side: tuple[int, int], channels: int) -> None:
        super().__init__()
        self.model, self.side, self.channels = model, side, channels
        with torch.no_grad():
            self.width = self(torch.zeros(1, channels, *side)).shape[1]

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] == 1 and self.channels > 1:
            x = x.expand(-1, self.channels, -1, -1)
        if tuple(x.shape[-2:]) != self.side:
            x = F.interpolate(x, self.side, mode="bilinear", align_corners=False, antialias=True)
        found = self.model(pixel_values=x)
        pooled = getattr(found, "pooler_output", None)
        if pooled is not None:
            return pooled.flatten(1)
        last = found.last_hidden_state
        return last.mean((2, 3)) if last.dim() == 4 else last.mean(1)


def _folder(place: Path, shape: tuple[int, ...]) -> nn.Module:
    try:
        from transformers import AutoModel  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ConfigError(
            message(
                f"The pretrained model {place} needs the package transformers",
                do='Install it: pip install "auxin[pretrained]"',
            )
        ) from error
    if len(shape) != 3:
        raise ConfigError(
            message("A pretrained vision model takes images", expected="(C, H, W)", found=str(shape))
        )
    try:
        model = AutoModel.from_pretrained(str(place), local_files_only=True, attn_implementation="eager")
    except (OSError, ValueError, KeyError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(message(f"The pretrained model {place} cannot be loaded: {said}")) from error
    if getattr(model, "main_input_name", "") != "pixel_values":
        raise ConfigError(
            message(
                f"The pretrained model {place} does not take images",
                expected="a model of images",
                found=f"one of {getattr(model, 'main_input_name', 'something else')}",
            )
        )
    size = getattr(model.config, "image_size", None) or max(shape[1:])
    side = (size, size) if isinstance(size, int) else tuple(size)
    channels = int(getattr(model.config, "num_channels", 3))
    if shape[0] not in (1, channels):
        raise ConfigError(
            message(f"The pretrained model {place} takes {channels} channels", found=f"{shape[0]} channels")
        )
    return _Images(model.eval(), side, channels)  # type: ignore[arg-type]


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
            message(
                f"The weights {place} do not fit the trunk {name!r}",
                expected="the same parameters",
                found=f"{len(own or found)} tensors of {count:,} numbers",
                do="Name its trunk and options: --set model.body=NAME --set model.OPTION=VALUE",
            )
        ) from error
    return body
