"""What the self-made tasks on clouds of points share."""

from auxin.errors import ConfigError

FEWEST = 8


def check_cloud(name: str, shape: tuple[int, ...]) -> None:
    """Refuse anything but clouds [3, points, 1] of at least eight points."""
    if len(shape) != 3 or shape[0] != 3 or shape[2] != 1 or shape[1] < FEWEST:
        raise ConfigError(
            f"{name} needs clouds of points",
            expected=f"[3, points, 1] with at least {FEWEST} points",
            found=f"{list(shape)}",
        )
