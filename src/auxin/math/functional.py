"""A network as a pure function of its parameters: nothing moves, not its buffers, not the random state.

Forward mode is `torch.autograd.forward_ad` and not `torch.func.jvp`: the values are the same, it took 0.7 of
the time on a convolutional network (one thread), and batch norm's running statistics do not stop it. Buffers
are cloned inside every call. Attention runs under the MATH backend wherever a second derivative or a JVP is
taken: the fused kernels have neither.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from auxin.math.params import bare, named
from auxin.math.rng import Rng, restore_rng, save_rng, under_rng
from auxin.math.tree import rebuild, tensors
from auxin.typing import Signals

__all__ = ["Rng", "call", "jvp", "lent", "plain_attention", "restore_rng", "save_rng", "still", "under_rng"]


@contextmanager
def plain_attention() -> Iterator[None]:
    """Attention by elementary operations, which have forward mode and a double backward."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


@contextmanager
def still(modules: Iterable[nn.Module]) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Lend the modules clones of their buffers; afterwards they hold their own again, untouched.

    Yields:
        Pairs (own, clone), so that a caller may let the buffers move after all.
    """
    places = [
        (m, k, b) for top in modules for m in top.modules() for k, b in m._buffers.items() if b is not None
    ]
    clones = [buffer.clone() for _, _, buffer in places]
    for (module, key, _), clone in zip(places, clones, strict=True):
        module._buffers[key] = clone
    try:
        yield [(buffer, clone) for (_, _, buffer), clone in zip(places, clones, strict=True)]
    finally:
        for module, key, buffer in places:
            module._buffers[key] = buffer


def lent(network: nn.Module) -> dict[str, Tensor]:
    """Clones of the network's buffers, by name, for a call to move."""
    return {name: b.clone() for name, b in bare(network).named_buffers()}


def call(
    network: nn.Module,
    params: Sequence[Tensor],
    inputs: tuple[Any, ...],
    buffers: Mapping[str, Tensor] | None = None,
) -> Signals:
    """S(W) at the given W (in the order of `trainable(network)`); the network's buffers stay as they are.

    Args:
        network: the network.
        params: W.
        inputs: the network's positional arguments.
        buffers: what takes their place, and may move (None: clones).

    >>> layer = nn.Linear(1, 1, bias=False)
    >>> call(layer, [torch.full((1, 1), 3.0)], (torch.ones(1, 1),))
    tensor([[3.]])
    """
    module = bare(network)
    held = lent(module) if buffers is None else buffers
    return functional_call(module, {**named(module, params), **held}, inputs)


def jvp(
    network: nn.Module,
    params: Sequence[Tensor],
    tangent: Sequence[Tensor],
    inputs: tuple[Any, ...],
    rng: Rng | None = None,
) -> tuple[Signals, Signals]:
    """S(W) and S' = d/deps S(W + eps * tangent) at eps = 0, both constants, in one forward pass.

    Args:
        network: the primary network, in whatever mode (training, evaluation) it is.
        params: W, one tensor per trainable parameter.
        tangent: the direction, alike.
        inputs: the network's positional arguments.
        rng: the random state to run under, after which the present one is put back (None: draw from the
        present one).

    Raises:
        NotImplementedError, RuntimeError: an operation of the network has no forward mode.
    """
    random = nullcontext() if rng is None else under_rng(rng)
    exact = [torch.autocast(kind, enabled=False) for kind in {"cpu", params[0].device.type}]
    with ExitStack() as stack, torch.no_grad(), random, plain_attention(), forward_ad.dual_level():
        for context in exact:
            stack.enter_context(context)
        duals = [forward_ad.make_dual(p.detach(), t) for p, t in zip(params, tangent, strict=True)]
        out = call(network, duals, inputs)
        pairs = [forward_ad.unpack_dual(leaf) for leaf in tensors(out)]
        slopes = [torch.zeros_like(p) if t is None else t for p, t in pairs]
        return rebuild(out, [p for p, _ in pairs]), rebuild(out, slopes)
