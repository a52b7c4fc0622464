"""Gradients over linear layers' weights that are left as two factors.

Of y = x W^T, with N rows of inputs X [N, M] and their gradient D [N, C] at the outputs, W's gradient is D^T X. As the
tangent of this layer alone it is x (D^T X)^T = (x X^T) D, for which no matrix of W's size is made: where
N (M + C) <= M C the factors take no more memory, and less time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge

from auxin.math.graphs import Use, linear_inputs, only_uses
from auxin.math.params import Vector, walk

Inputs = Mapping[int, Tensor]
"""X by the place of W in a vector over the parameters, whose entry there is D."""


@dataclass(frozen=True)
class FactoredLayer:
    """A linear layer in a graph: the place of y, where D is read, and X."""

    outputs: GradientEdge
    inputs: Tensor


def layers(loss: Tensor, params: Sequence[Tensor], network: nn.Module) -> dict[int, FactoredLayer]:
    """The layers whose gradient is better left as factors, by the weight's place among the parameters.

    Their weights enter the graph once, in torch's own linear layer. A layer whose inputs were packed by a hook
    (activation checkpointing) is none, nor is one in low precision, whose x X^T may overflow.

    Args:
        loss: With its graph to the parameters.
        params: The parameters that the network has in place.
        network: The bare network.
    """
    plain = [m for m in walk(network).modules if type(m) is nn.Linear and "forward" not in m.__dict__]
    own = {id(m.weight) for m in plain}
    places = {
        id(w): i
        for i, w in enumerate(params)
        if id(w) in own and type(w) is Tensor and w.dtype in (torch.float32, torch.float64)
    }
    found = {}
    for key, use in only_uses([loss], [params[i] for i in places.values()]).items() if places else ():
        inputs = _inputs(use, params[places[key]])
        if inputs is not None:
            found[places[key]] = FactoredLayer(GradientEdge(use[0], 0), inputs)
    return found


def _inputs(use: Use, weight: Tensor) -> Tensor | None:
    node, place = use
    name = linear_inputs(use)
    if not name or node.next_functions[place][0].name() != "TBackward0":
        return None
    rows, (columns, width) = getattr(node, f"_saved_{name}_sym_sizes")[0], weight.shape
    if rows * (columns + width) > weight.numel():
        return None
    if getattr(node, f"_raw_saved_{name}").unpack_hook is not None:
        return None
    inputs = getattr(node, f"_saved_{name}").detach()
    return inputs.clone() if inputs.nbytes < inputs.untyped_storage().nbytes() else inputs


def multiplied(vector: Sequence[Tensor], inputs: Inputs) -> Vector:
    """The vector with every D replaced by D^T X.

    >>> multiplied([torch.ones(2, 1)], {0: torch.tensor([[1.0, 2.0], [3.0, 4.0]])})
    [tensor([[4., 6.]])]
    """
    return [entry.T @ inputs[i] if i in inputs else entry for i, entry in enumerate(vector)]


def along(x: Tensor, inputs: Tensor, outputs: Tensor, bias: Tensor | None) -> Tensor:
    """x (D^T X)^T + bias, without D^T X.

    >>> along(torch.tensor([1.0, 1.0]), torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0]]), None)
    tensor([3., 0.])
    """
    alike = x.reshape(-1, x.shape[-1]) @ inputs.T
    y = alike @ outputs if bias is None else torch.addmm(bias, alike, outputs)
    return y.view(*x.shape[:-1], outputs.shape[1])
