"""Equal weighting: the main loss plus tau times the sum of the auxiliary losses."""

from torch import Tensor

from auxin.combiners.base import LossCombiner, TaskLosses, number


class Equal(LossCombiner):
    """The baseline of the combiners: L = m_0 + tau * sum_(k>0) m_k.

    m_k is task k's mean loss over the entries that carry a label, so a task with few labels in the batch
    weighs as much as one with many. tau is AuxiLearn's scaling factor (Navon et al. 2021, appendix B.1).

    Args:
        count: Number of tasks, the main one included.
        scale: Weight tau of every auxiliary task, at least 0; 0 trains the main task alone.

    Raises:
        ConfigError: A negative or non-finite scale, or losses of another number of tasks.

    >>> import torch
    >>> values = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    >>> present = torch.tensor([[True, True], [True, False]])
    >>> Equal(2, scale=0.5)(TaskLosses(values, present, ("breed", "species"))).item()
    3.0
    """

    def __init__(self, count: int, scale: float = 1.0) -> None:
        super().__init__(count)
        self.scale = number("scale", scale)

    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar."""
        means = self.check(losses).means()
        return means[0] + self.scale * means[1:].sum()
