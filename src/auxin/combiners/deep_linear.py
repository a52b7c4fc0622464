"""Deep linear: a monotone network of losses without activations, trained by the hypergradient."""

from auxin.combiners._network import NetworkCombiner, identity


class DeepLinear(NetworkCombiner):
    """As expressive as `linear`, easier to train: L = m_0 + (W_n ... W_1) m, all W >= 0.

    Navon et al. 2021, section 5, variant 2 (five layers of ten units in their appendix B.1). It begins as
    `equal` with the same scale.

    Args:
        count: Number of tasks, the main one included.
        scale: Initial weight of every auxiliary task.
        width: Number of units per hidden layer.
        depth: Number of hidden layers.
        constraint: "clipped" (the paper's: negative weights become zero after each meta step) or "positive"
            (every weight a softplus; the main task's weight then begins at 1 and a little).
        init: "even" (near `equal`), or "uniform": the authors', weights from U(0, `upper`) and biases of zero, `scale`
            then being their factor on every auxiliary loss.
        upper: Upper end of that distribution.

    >>> import torch
    >>> from auxin.combiners.base import TaskLosses
    >>> losses = TaskLosses(torch.tensor([[1.0, 2.0, 3.0]]), torch.ones(1, 3) > 0, ("a", "b", "c"))
    >>> round(DeepLinear(3, scale=0.1)(losses).item(), 4)
    1.5
    """

    activation = staticmethod(identity)
