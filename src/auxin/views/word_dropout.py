"""Word dropout: some words of a text are left out (Iyyer et al. 2015)."""

import torch
from torch import Tensor

from auxin.views.base import View, check_vector


class WordDropout(View):
    """Each word of a text, one column of a bag of words, is left out with a probability.

    Iyyer, Manjunatha, Boyd-Graber, Daumé III 2015, "Deep Unordered Composition Rivals Syntactic Methods for Text
    Classification", section 3.1. Words that stay keep their weight.

    Args:
        share: Probability that a word is left out.

    >>> WordDropout(1.0)(torch.ones(1, 3), torch.Generator()).tolist()
    [[0.0, 0.0, 0.0]]
    """

    def __init__(self, share: float = 0.3) -> None:
        self.share = share

    @classmethod
    def build(cls, shape: tuple[int, ...], fill: Tensor, strength: float = 1.0) -> "WordDropout":
        """Word dropout of bags of words [D]."""
        del fill
        check_vector("word_dropout", shape)
        return cls(min(1.0, 0.3 * strength))

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Bags of words [B, D] with words left out."""
        kept = torch.rand(x.shape, generator=generator, device=x.device) >= self.share
        return x * kept
