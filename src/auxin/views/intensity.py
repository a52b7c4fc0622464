"""Intensity: an image's contrast and brightness change, and noise is added."""

from dataclasses import dataclass

import torch
from torch import Tensor

from auxin.views.base import View, check_image, uniform


@dataclass(frozen=True)
class Intensity(View):
    """Each image x becomes x (1 + a) + b + noise, with a and b drawn per image and the noise per pixel.

    The changes of contrast and brightness of RandAugment (Cubuk, Zoph, Shlens, Le 2020), without its changes of colour,
    which images of one channel do not have. Amounts are in units of the inputs' standard deviation, which is 1 for
    normalised inputs.

    Attributes:
        contrast: Largest absolute value of a.
        brightness: Largest absolute value of b.
        noise: Standard deviation of the noise.

    >>> x = torch.ones(2, 1, 2, 2)
    >>> Intensity(0.0, 0.0, 0.0)(x, torch.Generator()).equal(x)
    True
    """

    contrast: float = 0.3
    brightness: float = 0.1
    noise: float = 0.15

    @classmethod
    def build(cls, shape: tuple[int, ...], fill: Tensor, strength: float = 1.0) -> "Intensity":
        """Changes of images [C, H, W]."""
        del fill
        check_image("intensity", shape)
        return cls(*(strength * value for value in (cls.contrast, cls.brightness, cls.noise)))

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Images [B, C, H, W] to changed images."""
        a, b = (uniform(len(x), generator, x).view(-1, 1, 1, 1) for _ in range(2))
        noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        return x * (1 + a * self.contrast) + b * self.brightness + noise * self.noise
