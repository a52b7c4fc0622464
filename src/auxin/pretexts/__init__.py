"""Self-made auxiliary tasks: x to (x', y')."""

from contextlib import suppress

from auxin import catalogue
from auxin.errors import ConfigError
from auxin.pretexts.base import Pretext

__all__ = ["Pretext", "possible"]


def possible(shape: tuple[int, ...]) -> list[str]:
    """Every pretext task that inputs of this shape (without the batch dimension) allow.

    >>> possible((4,))
    ['denoising', 'masking']
    """
    found = []
    for name in catalogue.names("pretexts"):
        with suppress(ConfigError):
            catalogue.load("pretexts", name).build(shape)
            found.append(name)
    return found
