"""The landscape of a loss: its values over a grid of two directions in W."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def landscape(
    loss: Callable[[Tensor], Tensor],
    across: tuple[float, float],
    up: tuple[float, float],
    points: int = 41,
) -> NDArray[np.float64]:
    """A loss of two numbers over a grid (Navon et al. 2021, figure 2).

    For a network, let the two numbers be the steps along two directions from its parameters.

    Args:
        loss: A scalar of a vector [2], float64.
        across: From, to of the first number.
        up: From, to of the second.
        points: Per side.

    Returns:
        [points, points]; row i has the i-th value of the second number, column j the j-th of the first.

    >>> landscape(lambda w: w[0] + 10 * w[1], (0.0, 1.0), (0.0, 1.0), points=2).tolist()
    [[0.0, 1.0], [10.0, 11.0]]
    """
    first, second = torch.linspace(*across, points).double(), torch.linspace(*up, points).double()
    with torch.no_grad():
        rows = [[float(loss(torch.stack([a, b]))) for a in first] for b in second]
    return np.array(rows)
