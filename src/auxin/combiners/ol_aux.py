"""OL-AUX: auxiliary weights that grow with the inner product of their gradient with the main one."""

import torch
from torch import Tensor

from auxin.combiners._gramian import cosine, norms
from auxin.combiners.base import GramianCombiner, TaskLosses, TrainedBy, choice, number
from auxin.paper import Paper


class OLAux(GramianCombiner):
    """Every N steps w_k <- w_k + rate * sum over these N steps of <g_0, g_k>; L = m_0 + sum_(k>0) w_k m_k.

    Lin, Baweja, Kantor, Held 2019, algorithm 1: the gradient in w of the main loss N look-ahead steps on,
    the primary learning rate left to `rate`. The paper's inner product depends on the losses' units and can
    run away where they are large; `similarity="cosine"` does not. It begins as `equal`.

    Args:
        count: Number of tasks, the main one included.
        rate: Learning rate beta of the weights.
        every: Number N of steps between two updates of the weights.
        scale: Initial weight of every auxiliary task.
        similarity: Measure of similarity: "dot" (the paper's) or "cosine".
        clip: Whether to keep the weights at or above zero (the paper allows negative weights).

    >>> losses = TaskLosses(torch.ones(1, 2), torch.ones(1, 2) > 0, ("breed", "species"))
    >>> rule = OLAux(2, rate=0.5, every=1)
    >>> rule.after_step(losses, torch.tensor([[1.0, 2.0], [2.0, 9.0]]))
    >>> rule.current.tolist()
    [1.0, 2.0]
    """

    trained_by = TrainedBy.OWN_RULE
    paper = Paper(
        "Adaptive Auxiliary Task Weighting for Reinforcement Learning",
        "Lin, Baweja, Kantor, Held",
        2019,
        "https://papers.nips.cc/paper/8724-adaptive-auxiliary-task-weighting-for-reinforcement-learning",
        "algorithm 1",
    )
    current: Tensor
    gathered: Tensor
    steps: Tensor

    def __init__(
        self,
        count: int,
        rate: float = 0.01,
        every: int = 5,
        scale: float = 1.0,
        similarity: str = "dot",
        clip: bool = False,
    ) -> None:
        super().__init__(count)
        self.rate = number("rate", rate)
        self.every = int(number("every", every, above=1))
        self.similarity = choice("similarity", similarity, ("dot", "cosine"))
        self.clip = clip
        start = [1.0] + [number("scale", scale)] * (count - 1)
        self.register_buffer("current", torch.tensor(start))
        self.register_buffer("gathered", torch.zeros(count))
        self.register_buffer("steps", torch.tensor(0))

    @property
    def main_row_only(self) -> bool:
        """For the paper's inner products; cosines need every gradient's norm."""
        return self.similarity == "dot"

    def weights(self, gramian: Tensor, means: Tensor) -> Tensor:
        """The current weights, [T]."""
        del gramian, means
        return self.current.clone()

    @torch.no_grad()
    def after_step(self, losses: TaskLosses, gramian: Tensor | None = None) -> None:
        """Gather one step's inner products; move the weights every N steps."""
        del losses
        seen = self.gramian(gramian)
        size = norms(seen)
        products = seen[0] if self.similarity == "dot" else cosine(seen[0], size[0], size)
        self.gathered += products.to(self.gathered)
        self.steps += 1
        if self.steps % self.every == 0:
            self.current[1:] += self.rate * self.gathered[1:]
            self.gathered.zero_()
            if self.clip:
                self.current.clamp_(min=0)
