"""A forest of extremely randomised trees on the rows with a main label."""

from torch import Tensor

from auxin.sources.base import Source, SourceInputs, flat, votes


class ForestSource(Source):
    """The votes of randomised trees trained on the labelled rows: `sklearn.ensemble.ExtraTreesClassifier`.

    Args:
        trees: Number of trees.

    >>> import torch
    >>> known = SourceInputs(torch.tensor([[0.0], [1.0], [9.0]]), torch.tensor([0, -1, 1]), 2)
    >>> ForestSource(20).guess(known).argmax(1).tolist()
    [0, 0, 1]
    """

    def __init__(self, trees: int = 200) -> None:
        self.trees = trees

    def guess(
        self, known: SourceInputs, features: Tensor | None = None, outputs: Tensor | None = None
    ) -> Tensor:
        """Its probabilities for every row."""
        del features, outputs
        return votes(flat(known.x).numpy(), known, self.trees)
