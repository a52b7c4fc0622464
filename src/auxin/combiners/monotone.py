"""Monotone: AuxiLearn's nonlinear network of losses, which never falls when a loss rises."""

from auxin.combiners._network import NetworkCombiner


class Monotone(NetworkCombiner):
    """L = m_0 + mean_b [ g(l_b; phi) - g(0; phi) ], g a Softplus network with weights of at least zero.

    Navon et al. 2021, section 3.2 and appendix C.2 ("Nonlinear"). Each sample has weights of its own,
    dg/dl_bk. The biases are free. g(0) is subtracted, a constant that no gradient sees, so that no loss is
    no loss.

    Departures: no weight normalisation (clipping a normalised weight can give NaN); the start is near
    `equal`: all auxiliaries weigh the same, `scale` where every loss is one, at least 0.65 times that for
    smaller losses; the last layer has no bias.

    Args:
        count: Number of tasks, the main one included.
        scale: Initial weight of every auxiliary task.
        width: Number of units per hidden layer (10 in the paper).
        depth: Number of hidden layers (in the paper 5 on CUB, 2 or 3 elsewhere).
        constraint: "clipped" (the paper's: negative weights become zero after each meta step) or "positive"
            (every weight a softplus).
        init: "even" (near `equal`), or "uniform": the authors', weights from U(0, `upper`) and biases of zero, `scale`
            then being their factor on every auxiliary loss.
        upper: Upper end of that distribution.

    >>> import torch
    >>> from auxin.combiners.base import TaskLosses
    >>> losses = TaskLosses(torch.ones(4, 3), torch.ones(4, 3) > 0, ("a", "b", "c"))
    >>> [round(w, 4) for w in Monotone(3, scale=0.5).task_weights(losses).tolist()]
    [1.0, 0.5, 0.5]
    """
