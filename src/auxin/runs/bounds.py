"""The bounds of every number among the plain settings: one table, checked where a setting enters a run."""

import math

from auxin.errors import ConfigError, message

BOUNDS: dict[str, tuple[float, float, bool]] = {
    "steps": (1, 1e9, True),
    "epochs": (1, 1e9, True),
    "batch": (1, 1e7, True),
    "lr": (0, 1e6, False),
    "momentum": (0, 1, True),
    "weight_decay": (0, 1e6, True),
    "halve_every": (1, 1e9, True),
    "clip": (0, 1e30, False),
    "unlabelled_ratio": (0, 1e6, True),
    "pretext_share": (0, 1, True),
    "psi": (1, 1e6, True),
    "every": (1, 1e9, True),
    "meta_lr": (0, 1e6, True),
    "meta_weight_decay": (0, 1e6, True),
    "meta_momentum": (0, 1, True),
    "meta_clip": (0, 1e30, False),
    "patience": (0, 1e9, True),
    "looks": (0, 1e6, True),
    "average": (1, 1e9, True),
}
"""The least and the greatest value of each setting, and whether the least itself is allowed."""


def check_bounds(name: str, value: float) -> None:
    """Refuse a number that a setting cannot take.

    Raises:
        ConfigError: The number is NaN, infinite, or outside the bounds of the setting.

    >>> check_bounds("steps", 5)
    """
    low, high, closed = BOUNDS.get(name, (-math.inf, math.inf, True))
    if math.isfinite(value) and (low <= value if closed else low < value) and value <= high:
        return
    least = f"of at least {low:g}" if closed else f"above {low:g}"
    expected = f"a number {least} and at most {high:g}" if math.isfinite(low) else "a finite number"
    raise ConfigError(message(f"The setting {name} is out of bounds", expected=expected, found=f"{value}"))
