"""Self-made auxiliary tasks: x to (x', y')."""

from auxin.pretexts._base import Pretext

__all__ = ["Pretext"]
