"""Where weights enter the graph of a loss."""

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor
from torch.autograd.graph import Node

Use = tuple[Any, int]
"""A node of a graph, and the place of an argument."""


def graph_nodes(ends: Sequence[Tensor]) -> Iterator[Node]:
    """Every node of these tensors' graph, each once."""
    ahead, seen = [end.grad_fn for end in ends], set()
    while ahead:
        node = ahead.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            ahead += [child for child, _ in node.next_functions]


def graph_edges(ends: Sequence[Tensor]) -> Iterator[tuple[Node, int, Node]]:
    """Every edge of these tensors' graph: a node, the place of an argument, and the node that made it.

    The node of a weight that is transposed on its way is the weight's own.
    """
    ahead, seen = [end.grad_fn for end in ends if end.grad_fn is not None], set()
    while ahead:
        node = ahead.pop()
        if node in seen:
            continue
        seen.add(node)
        for place, (child, _) in enumerate(node.next_functions):
            if child is None:
                continue
            if child.name() == "TBackward0" and child.next_functions[0][0] is not None:
                seen.add(child)
                child = child.next_functions[0][0]
            yield node, place, child
            ahead.append(child)


def only_uses(ends: Sequence[Tensor], weights: Sequence[Tensor]) -> dict[int, Use]:
    """Where each weight enters the graph, by its id; those that enter it twice or not at all are left out.

    >>> import torch
    >>> a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    >>> [(node.name(), place) for node, place in only_uses([a * b * b], [a, b]).values()]
    [('MulBackward0', 0)]
    """
    uses: dict[int, list[Use]] = {id(weight): [] for weight in weights}
    for node, place, child in graph_edges(ends):
        uses.get(id(getattr(child, "variable", None)), []).append((node, place))
    return {key: found[0] for key, found in uses.items() if len(found) == 1}


def linear_inputs(use: Use) -> str:
    """What torch calls the inputs x of the linear map y = x W^T or x W that W enters there; "" where it is none.

    >>> from torch import nn
    >>> layer = nn.Linear(2, 1)
    >>> linear_inputs(only_uses([layer(layer.weight.detach())], [layer.weight])[id(layer.weight)])
    'mat1'
    """
    node, place = use
    if (node.name(), place) == ("AddmmBackward0", 2) and node._saved_alpha == 1:
        return "mat1"
    return "self" if (node.name(), place) == ("MmBackward0", 1) else ""
