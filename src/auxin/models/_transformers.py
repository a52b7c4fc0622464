"""Models of Hugging Face's `transformers` in local folders as trunks: images or tokens to features."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from auxin.errors import ConfigError, message


class VisionModel(nn.Module):
    """A vision model: images [B, C, H, W] to its pooled output, or the mean over positions."""

    def __init__(self, model: nn.Module, side: tuple[int, int], channels: int) -> None:
        super().__init__()
        self.model, self.side, self.channels = model, side, channels
        with torch.no_grad():
            self.width = self(torch.zeros(1, channels, *side)).shape[1]

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, width]."""
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


class LanguageModel(nn.Module):
    """A text model: rows [B, D] whose last columns are token numbers, -1 behind a text's end.

    Each text becomes the mean of its tokens' last hidden states; the other columns go beside them as they are.

    Args:
        model: Model with the arguments `input_ids` and `attention_mask`.
        places: Number of columns of each text.
        others: Number of columns before the texts.
        tokens: Size of the model's vocabulary.
    """

    def __init__(self, model: nn.Module, places: tuple[int, ...], others: int, tokens: int) -> None:
        super().__init__()
        self.model, self.places, self.others, self.tokens = model, places, others, tokens
        self.width = others + len(places) * int(model.config.hidden_size)  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, width]."""
        others, *texts = x.split((self.others, *self.places), dim=1)
        return torch.cat([others, *(self._mean(text) for text in texts)], 1)

    def _mean(self, text: Tensor) -> Tensor:
        numbers = text.detach().round().long()
        there = numbers >= 0
        # every row keeps its first place, so that a text without tokens has something to attend to
        seen = torch.cat([torch.ones_like(there[:, :1]), there[:, 1:]], 1)
        found = self.model(input_ids=numbers.clamp(0, self.tokens - 1), attention_mask=seen.long())
        weight = there.unsqueeze(2).to(found.last_hidden_state.dtype)
        return (found.last_hidden_state * weight).sum(1) / weight.sum(1).clamp_min(1)


class FrozenTrunk(nn.Module):
    """A trunk that is not trained, under one layer that is."""

    def __init__(self, body: nn.Module, hidden: int) -> None:
        super().__init__()
        self.body = body.requires_grad_(False)
        self.layer, self.width = nn.Linear(int(body.width), hidden), hidden  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, hidden]."""
        return self.layer(self.body(x)).relu()


def read_folder(place: Path, shape: tuple[int, ...], texts: str, options: Mapping[str, Any]) -> nn.Module:
    """The trunk that a folder of `transformers` holds.

    Raises:
        ConfigError: `transformers` is not installed, the folder holds no model, or none that takes such inputs.
    """
    if options:
        raise ConfigError(
            f"The pretrained model {place} has no option {next(iter(options))!r}", expected="frozen, layer"
        )
    model = _load(place)
    kind = getattr(model, "main_input_name", "something else")
    if len(shape) == 3 and kind == "pixel_values":
        return _images(place, model, shape)
    if texts and kind == "input_ids":
        return _texts(model, shape, texts)
    takes = {"pixel_values": "images", "input_ids": "text"}.get(kind, kind)
    found = (
        "images"
        if len(shape) == 3
        else ("text" if texts else "numbers without a text column (--text COLUMN)")
    )
    raise ConfigError(f"The pretrained model {place} does not take these inputs", expected=takes, found=found)


def _load(place: Path) -> Any:
    try:
        from transformers import AutoConfig, AutoModel  # pyright: ignore[reportMissingImports]
        from transformers.utils import logging  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ConfigError(
            f"The pretrained model {place} needs the package transformers",
            do='Install it: pip install "auxin[pretrained]"',
        ) from error
    logging.disable_progress_bar()  # every run loads the weights again
    try:
        config = AutoConfig.from_pretrained(str(place), local_files_only=True, trust_remote_code=False)
        for name, value in config.to_dict().items():
            if "drop" in name and isinstance(value, float):
                setattr(config, name, 0.0)
        return AutoModel.from_pretrained(
            str(place),
            config=config,
            local_files_only=True,
            trust_remote_code=False,  # else a folder's own code is asked about, and run
            attn_implementation="eager",
        ).eval()
    except (OSError, ValueError, KeyError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(message(f"The pretrained model {place} cannot be loaded: {said}")) from error


def _images(place: Path, model: Any, shape: tuple[int, ...]) -> VisionModel:
    size = getattr(model.config, "image_size", None) or max(shape[1:])
    side = (size, size) if isinstance(size, int) else tuple(size)
    channels = int(getattr(model.config, "num_channels", 3))
    if shape[0] not in (1, channels):
        raise ConfigError(
            f"The pretrained model {place} takes {channels} channels", found=f"{shape[0]} channels"
        )
    return VisionModel(model, side, channels)  # type: ignore[arg-type]


def _texts(model: Any, shape: tuple[int, ...], texts: str) -> LanguageModel:
    tokens = int(model.config.vocab_size)
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # its output is not used, and weights without a gradient have no place in a step
    places = tuple(int(part) for part in texts.split("+"))
    return LanguageModel(model, places, shape[0] - sum(places), tokens)
