"""A network as a pure function of its parameters: nothing moves, not its buffers, not the random state.

Forward mode is `torch.autograd.forward_ad` and not `torch.func.jvp`: the values are the same, it took 0.7 of
the time on a convolutional network (one thread), and batch norm's running statistics do not stop it. Buffers
are cloned inside every call. Attention runs under the MATH backend wherever a second derivative or a JVP is
taken: the fused kernels have neither.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules import module as all_parts
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import _WeightNorm
from torch.nn.utils.weight_norm import WeightNorm
from torch.overrides import TorchFunctionMode

from auxin.errors import UnsupportedError
from auxin.math.deferred import traced
from auxin.math.factored import Inputs
from auxin.math.padding import without_padding
from auxin.math.params import Walk, bare, named_buffers, walk
from auxin.math.rng import Rng, restore_rng, save_rng, under_rng
from auxin.math.row_blocks import by_rows
from auxin.math.tangents import Products, replaying
from auxin.math.tree import rebuild, tensors
from auxin.math.visits import each_pass, leave
from auxin.typing import Signals

__all__ = [
    "Rng",
    "call",
    "eagerly",
    "jvp",
    "lent",
    "placed",
    "plain_attention",
    "restore_rng",
    "save_rng",
    "still",
    "under_rng",
    "undistorted",
]


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


class _PlainWeightNorm(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is not torch._weight_norm:  # pyright: ignore[reportPrivateImportUsage]
            return func(*args, **kwargs) if kwargs else func(*args)
        v, g, dim = args
        return v * (g / torch.norm_except_dim(v, 2, dim))


def plain_weight_norm(module: nn.Module) -> AbstractContextManager[object]:
    """Weight normalisation (both forms of torch) by elementary operations, where the module has it.

    The fused operation has no forward mode, and its double backward leaves the derivative of 1/|v| out.
    """
    found = walk(module)
    hooks = (hook for m in found.modules if m._forward_pre_hooks for hook in m._forward_pre_hooks.values())
    normed = found.of(_WeightNorm) or any(isinstance(hook, WeightNorm) for hook in hooks)
    return _PlainWeightNorm() if normed else nullcontext()


Copies = Sequence[tuple[nn.Module, str, Tensor]]


@contextmanager
def still(
    modules: Iterable[nn.Module], clones: Copies | None = None
) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Lend the modules clones of their buffers; afterwards they hold their own again, untouched.

    Args:
        modules: Modules, with their parts.
        clones: `copies` of them, made earlier (None: clones of the buffers as they are now).

    Yields:
        Pairs (own, clone), so that a caller may let the buffers move after all.
    """
    new = copies(modules) if clones is None else clones
    own = [module._buffers[key] for module, key, _ in new]
    for module, key, clone in new:
        module._buffers[key] = clone
    try:
        yield [(buffer, clone) for buffer, (_, _, clone) in zip(own, new, strict=True) if buffer is not None]
    finally:
        for buffer, (module, key, _) in zip(own, new, strict=True):
            module._buffers[key] = buffer


def copies(modules: Iterable[nn.Module]) -> Copies:
    """Clones of the modules' buffers, with their places; a buffer in two places has one clone."""
    parts = dict.fromkeys(part for top in modules for part in top.modules())
    places = [(m, key, own) for m in parts for key, own in m._buffers.items() if own is not None]
    clones = {i: own.clone() for i, own in {id(own): own for _, _, own in places}.items()}
    return [(module, key, clones[id(own)]) for module, key, own in places]


def lent(network: nn.Module) -> dict[str, Tensor]:
    """Clones of the network's buffers, by name, for a call to move."""
    return {name: b.clone() for name, b in named_buffers(bare(network)).items()}


@contextmanager
def placed(
    network: nn.Module, params: Sequence[Tensor], buffers: Mapping[str, Tensor] | None = None
) -> Iterator[nn.Module]:
    """The bare network with other parameters and lent buffers in place; afterwards it has its own again.

    A backward pass belongs inside: activation checkpointing computes a part of the forward pass again then, from
    whatever the modules hold at that time. Compiled parts run eagerly, because a compiled backward pass can
    neither be kept nor be differentiated.

    Args:
        network: Network to be evaluated.
        params: Parameters, in the order of `trainable(network)`.
        buffers: Tensors that replace the buffers, by name, and may change (None: clones).

    Yields:
        The network without its wrappers.

    >>> layer = nn.Linear(1, 1, bias=False)
    >>> weight = torch.full((1, 1), 3.0, requires_grad=True)
    >>> with placed(layer, [weight]) as module:
    ...     torch.autograd.grad(module(torch.ones(1, 1)) ** 2, weight)
    (tensor([[6.]]),)
    """
    module = bare(network)
    found = walk(module)
    _refuse_renormalising(found)
    own_params, own_buffers = found.each_once(found.parameters), found.each_once(found.buffers)
    lent_buffers = {name: b.clone() for name, b in own_buffers.items()} if buffers is None else buffers
    new = dict(zip((id(own) for own in own_params.values() if own.requires_grad), params, strict=True))
    new.update({id(own): lent_buffers[name] for name, own in own_buffers.items()})
    places = [
        (held, key, held[key])
        for _, held, key in (*found.parameters, *found.buffers)
        if key in held and id(held[key]) in new
    ]
    versions = [(own, own._version) for own in own_params.values()]
    try:
        for held, key, own in places:
            held[key] = new[id(own)]  # type: ignore[assignment]
        with (
            eagerly(),
            plain_weight_norm(module),
            uncached(),
            by_rows(found.of(nn.Conv2d)),
            each_pass(module),
        ):
            yield module
    finally:
        leave(module, [(held, key, held[key]) for _, held, key in found.buffers if key in held])
        for held, key, own in places:
            held[key] = own  # type: ignore[assignment]
    written = {id(own) for own, version in versions if own._version != version}
    if written:
        names = [name for name, own in module.named_parameters() if id(own) in written]
        raise UnsupportedError(
            "The network's forward pass writes into its own parameters, which a meta step must leave alone",
            found=", ".join(names[:3]),
            do="Change them after `optimizer.step()` instead. (This call changed them once, as any forward does.)",
        )


@contextmanager
def uncached() -> Iterator[None]:
    """No parametrised weight is taken from `torch.nn.utils.parametrize.cached`, which keeps it of other parameters."""
    enabled, kept = parametrize._cache_enabled, parametrize._cache
    if not enabled:
        yield
        return
    parametrize._cache_enabled, parametrize._cache = 0, {}
    try:
        yield
    finally:
        parametrize._cache_enabled, parametrize._cache = enabled, kept


_HOOKS_ON_ALL: tuple[dict[int, Any], ...] = (
    all_parts._global_backward_hooks,
    all_parts._global_backward_pre_hooks,
)
"""Backward hooks that torch calls for every module."""


@contextmanager
def undistorted(network: nn.Module) -> Iterator[None]:
    """The backward pass of a loss is its derivative: no backward hooks of modules, no scaling of embeddings' gradients.

    These change what a training step does, and not what the outer loss is.
    """
    hooks = [
        (part, name, held)
        for part in walk(bare(network)).modules
        for name in ("_backward_hooks", "_backward_pre_hooks")
        if (held := part.__dict__[name])
    ]
    everywhere = [(held, dict(held)) for held in _HOOKS_ON_ALL if held]
    embeddings = walk(bare(network)).of(nn.Embedding, nn.EmbeddingBag)
    scaled = [part for part in embeddings if part.scale_grad_by_freq]
    try:
        for part, name, held in hooks:
            part.__dict__[name] = type(held)()
        for held, _ in everywhere:
            held.clear()
        for part in scaled:
            part.scale_grad_by_freq = False
        yield
    finally:
        for part, name, held in hooks:
            part.__dict__[name] = held
        for held, own in everywhere:
            held.update(own)
        for part in scaled:
            part.scale_grad_by_freq = True


def _refuse_renormalising(found: Walk) -> None:
    for part in found.of(nn.Embedding, nn.EmbeddingBag):
        if part.max_norm is not None:
            name = next(name for name, each in found.network.named_modules() if each is part)
            raise UnsupportedError(
                f"The embedding {name or type(part).__name__!r} renormalises its weights inside its forward pass "
                f"(max_norm={part.max_norm:g}), which torch's gradients leave out",
                do="Leave max_norm out and renormalise after `optimizer.step()` (`torch.renorm`).",
            )


@contextmanager
def eagerly() -> Iterator[None]:
    """Run compiled parts of a network eagerly; nothing to do where nothing can have been compiled."""
    if "torch._dynamo" not in sys.modules or traced():
        yield
    else:
        with torch.compiler.set_stance("force_eager"):
            yield


def call(
    network: nn.Module,
    params: Sequence[Tensor],
    inputs: tuple[Any, ...],
    buffers: Mapping[str, Tensor] | None = None,
) -> Signals:
    """S(W) at the given W (in the order of `trainable(network)`); the network's buffers stay as they are.

    Where a backward pass follows, use `placed` and take it inside.

    Args:
        network: Network to be evaluated.
        params: W.
        inputs: Positional arguments of the network.
        buffers: Tensors that replace the buffers and may change (None: clones).

    >>> layer = nn.Linear(1, 1, bias=False)
    >>> call(layer, [torch.full((1, 1), 3.0)], (torch.ones(1, 1),))
    tensor([[3.]])
    """
    with placed(network, params, buffers) as module:
        return module(*inputs)


class StopTangents(TorchFunctionMode):
    """Forward mode that stops at `torch.no_grad`, as a backward pass does; enter it with gradients enabled.

    A target made under `torch.no_grad` is a constant of the training step. Forward mode by itself would carry the
    tangent through it.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function; a change of grad mode changes forward mode with it."""
        if func is torch._C._set_grad_enabled:
            torch._C._set_fwd_grad_enabled(args[0])
        return func(*args, **kwargs) if kwargs else func(*args)


def jvp(
    network: nn.Module,
    params: Sequence[Tensor],
    tangent: Sequence[Tensor],
    inputs: tuple[Any, ...],
    rng: Rng | None = None,
    products: Products | None = None,
    factored: Inputs | None = None,
) -> tuple[Signals, Signals]:
    """S(W) and S' = d/deps S(W + eps * tangent) at eps = 0, both constants, in one forward pass.

    What the network computes under `torch.no_grad` is a constant in it, as it is in a backward pass.

    Args:
        network: Primary network, in training or evaluation mode.
        params: W, one tensor per trainable parameter.
        tangent: The direction, alike.
        inputs: Positional arguments of the network.
        rng: The random state to run under, after which the present one is put back (None: draw from the
        present one).
        products: The matrix products of a forward pass at W on these inputs under this random state, used up.
        factored: The inputs of linear layers whose part of the tangent is left as factors (`auxin.math.factored`).
            Where something other than torch's own layer reads such a weight, S' is NaN.

    Raises:
        NotImplementedError, RuntimeError: An operation of the network has no forward mode.
    """
    random = nullcontext() if rng is None else under_rng(rng)
    exact = [torch.autocast(kind, enabled=False) for kind in {"cpu", params[0].device.type}]
    with ExitStack() as stack, torch.enable_grad(), random, plain_attention(), forward_ad.dual_level():
        for context in exact:
            stack.enter_context(context)
        along = without_padding(network, tangent)
        factors = {i: (inputs, along[i]) for i, inputs in (factored or {}).items()}
        along = [torch.full_like(p, torch.nan) if i in factors else along[i] for i, p in enumerate(params)]
        duals = [forward_ad.make_dual(p.detach(), t) for p, t in zip(params, along, strict=True)]
        left = {id(duals[i]): both for i, both in factors.items()}
        with placed(network, duals) as module, replaying(module, products, left), StopTangents():
            out = module(*inputs)
        pairs = [forward_ad.unpack_dual(leaf) for leaf in tensors(out)]
        primals = [p.detach() for p, _ in pairs]
        slopes = [torch.zeros_like(p) if t is None else t.detach() for p, t in pairs]
        return rebuild(out, primals), rebuild(out, slopes)
