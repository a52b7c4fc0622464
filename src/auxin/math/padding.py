"""Padding rows of embeddings, which torch's reverse mode leaves out of the gradient and its forward mode keeps."""

from collections import Counter
from collections.abc import Sequence

from torch import Tensor, nn

from auxin.math.params import bare, trainable, walk


def without_padding(network: nn.Module, tangent: Sequence[Tensor]) -> list[Tensor]:
    """A direction over W as forward mode must take it to be the transpose of the backward pass.

    It is zero on the row `padding_idx` of every embedding whose weight no other module shares (a shared weight, as of
    a decoder, has a gradient there).

    >>> import torch
    >>> net = nn.Embedding(2, 1, padding_idx=0)
    >>> without_padding(net, [torch.ones(2, 1)])
    [tensor([[0.],
            [1.]])]
    """
    found = list(tangent)
    padded = [m for m in walk(bare(network)).of(nn.Embedding) if m.padding_idx is not None]
    if not padded:
        return found
    uses = Counter(id(p) for m in walk(bare(network)).modules for p in m._parameters.values())
    places = {id(p): i for i, p in enumerate(trainable(network).values())}
    for module in padded:
        place = places.get(id(module.weight))
        if place is not None and uses[id(module.weight)] == 1:
            found[place] = found[place].clone()
            found[place][module.padding_idx] = 0
    return found
