"""What the self-made tasks on clouds of points share."""

from auxin.pretexts.base import check_shape

FEWEST = 8


def check_cloud(name: str, shape: tuple[int, ...]) -> None:
    """Refuse anything but clouds [3, points, 1] of at least eight points."""
    fits = len(shape) == 3 and shape[0] == 3 and shape[2] == 1 and shape[1] >= FEWEST
    check_shape(
        fits, f"{name} needs clouds of points", f"[3, points, 1] with at least {FEWEST} points", shape
    )
