"""Vectors over the parameters of a network: lists of tensors, one per parameter."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from auxin.typing import Params

Vector = list[Tensor]


def local(network: nn.Module) -> nn.Module:
    """The network of this process: without the wrapper of data parallelism, still compiled if it was."""
    return network.module if isinstance(network, nn.parallel.DistributedDataParallel) else network


def bare(network: nn.Module) -> nn.Module:
    """The network itself, without the wrapper of data parallelism or of `torch.compile`.

    >>> layer = nn.Linear(2, 1)
    >>> bare(layer) is layer
    True
    """
    if _WALKED and _WALKED[-1].network is network:
        return network
    compiled = getattr(network, "_orig_mod", None)
    if isinstance(compiled, nn.Module):
        return bare(compiled)
    return network if local(network) is network else bare(local(network))


class Walk:
    """A network's modules, and the places of its parameters and buffers.

    Attributes:
        network: The network without wrappers.
        modules: All of its modules, each once.
        parameters: Name, dictionary and key of every parameter's place; tied parameters have several.
        buffers: The same of buffers.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self._of: dict[tuple[type, ...], list[Any]] = {}
        found = list(network.named_modules())
        self.modules = [module for _, module in found]
        self.parameters = [
            (f"{name}.{key}" if name else key, m._parameters, key)
            for name, m in found
            for key, _ in m._parameters.items()
        ]
        self.buffers = [
            (f"{name}.{key}" if name else key, m._buffers, key)
            for name, m in found
            for key, _ in m._buffers.items()
        ]

    def of(self, *kinds: type) -> list[Any]:
        """The modules of these classes, looked for once."""
        if kinds not in self._of:
            self._of[kinds] = [m for m in self.modules if isinstance(m, kinds)]
        return self._of[kinds]

    def each_once(self, places: list[tuple[str, Any, str]]) -> dict[str, Tensor]:
        """The tensors that these places hold now, each under its first name."""
        found, seen = {}, set()
        for name, held, key in places:
            value = held[key] if key in held else None  # noqa: SIM401  a scripted module's has no `get`
            if value is not None and id(value) not in seen:
                seen.add(id(value))
                found[name] = value
        return found


_WALKED: list[Walk] = []


@contextmanager
def walked(network: nn.Module) -> Iterator[None]:
    """Within, no module is added to the network, so that it is walked through once.

    Walking through a network takes as long as a small layer's forward pass.
    """
    own = walk(network)
    _WALKED.append(own)
    try:
        yield
    finally:
        _WALKED.remove(own)  # another thread's may be the last


def walk(network: nn.Module) -> Walk:
    """The walk through a bare network: the one that was taken already where it is `walked`."""
    return _WALKED[-1] if _WALKED and _WALKED[-1].network is network else Walk(network)


def parts_of(network: nn.Module) -> Iterable[nn.Module]:
    """The modules of a network, by the walk that was taken where there is one."""
    return _WALKED[-1].modules if _WALKED and _WALKED[-1].network is network else network.modules()


def named_buffers(network: nn.Module) -> dict[str, Tensor]:
    """The buffers of a bare network, each under its first name."""
    found = walk(network)
    return found.each_once(found.buffers)


def trainable(network: nn.Module) -> Params:
    """W: the parameters that require a gradient, by name, each once, in the order of `network.parameters()`.

    >>> list(trainable(nn.Linear(2, 1)))
    ['weight', 'bias']
    """
    found = walk(bare(network))
    return {name: p for name, p in found.each_once(found.parameters).items() if p.requires_grad}


def detached(vector: Sequence[Tensor]) -> Vector:
    """The same tensors (not copies) without their graph."""
    return [v.detach() for v in vector]


def leaves(vector: Sequence[Tensor]) -> Vector:
    """The same values as fresh leaves that require a gradient (sharing memory)."""
    return [v.detach().requires_grad_() for v in vector]


def filled(grads: Sequence[Tensor | None], like: Sequence[Tensor]) -> Vector:
    """Gradients with zeros in the place of None."""
    return [torch.zeros_like(p) if g is None else g for g, p in zip(grads, like, strict=True)]


def zeros(like: Sequence[Tensor]) -> Vector:
    """The zero vector."""
    return [torch.zeros_like(p) for p in like]


def present(grads: Sequence[Tensor | None], beside: Sequence[Tensor]) -> tuple[Vector, Vector]:
    """The gradients that there are, and the entries of another vector at their places."""
    pairs = [(g, x) for g, x in zip(grads, beside, strict=True) if g is not None]
    return [g for g, _ in pairs], [x for _, x in pairs]


def normal_numbers(like: Sequence[Tensor], random: torch.Generator) -> Vector:
    """Standard normal numbers, drawn in float32 on the CPU, so that every device and precision gets the same."""
    return [torch.randn(x.shape, generator=random, dtype=torch.float32).to(x) for x in like]


def dot(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """<a, b>, a scalar.

    >>> dot([torch.ones(2), torch.tensor(3.0)], [torch.ones(2), torch.tensor(2.0)])
    tensor(8.)
    """
    return torch.stack([(x * y).sum() for x, y in zip(a, b, strict=True)]).sum()


def norm(a: Sequence[Tensor]) -> Tensor:
    """|a|, the Euclidean norm over all entries, a scalar."""
    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(x) for x in a]))


def scale(factor: float | Tensor, a: Sequence[Tensor]) -> Vector:
    """factor * a."""
    return [factor * x for x in a]


def negated(a: Sequence[Tensor]) -> Vector:
    """-a, in a's own memory."""
    return [x.neg_() for x in a]


def axpy(factor: float | Tensor, a: Sequence[Tensor], b: Sequence[Tensor]) -> Vector:
    """factor * a + b.

    >>> axpy(2.0, [torch.ones(1)], [torch.ones(1)])
    [tensor([3.])]
    """
    if isinstance(factor, Tensor):
        return [factor * x + y for x, y in zip(a, b, strict=True)]
    return [torch.add(y, x, alpha=factor) for x, y in zip(a, b, strict=True)]  # one pass
