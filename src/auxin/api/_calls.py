"""Whether the meta step calls the network with what the training step calls it with: compared once.

Pictures that are augmented or mixed up after they were taken from the batch, and an attention mask that `inputs=` does
not name, would make the meta step's network another function without a word.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from auxin.api._reading import Call

_DIFFERS = (
    "The network was called with other inputs than the batch holds, and a meta step calls it with the batch's. "
    "Put what the network gets into the batch (after augmentation and mixup), and name all of it in `inputs=`. "
    "Found {} against {} in the batch."
)


class WatchedCalls:
    """The network's last calls until the first comparison, by a hook that is gone after it.

    Args:
        network: The network without wrappers; a compiled or traced one is not watched.
        most: How many calls a batch may take.
    """

    def __init__(self, network: nn.Module, most: int) -> None:
        self.seen: deque[list[Tensor]] = deque(maxlen=most)
        self._hook = None
        compiled = getattr(network, "_compiled_call_impl", None) is not None
        if not compiled and not isinstance(network, torch.jit.ScriptModule):
            self._hook = network.register_forward_pre_hook(self._note, with_kwargs=True)

    def _note(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        del module
        if not torch.compiler.is_compiling():
            self.seen.append([t.detach() for t in _tensors((args, kwargs))])

    def compare(self, calls: Sequence[Call], notify: Callable[[str], None]) -> None:
        """Tell once if none of the network's calls had the tensors that a meta step would call it with."""
        if self._hook is None:
            return
        self.close()
        for call in calls:
            ours = _tensors((call.args, call.kwargs))
            if self.seen and ours and not any(_same(ours, theirs) for theirs in self.seen):
                notify(_DIFFERS.format(*map(_shapes, (self.seen[-1], ours))))
                break
        self.seen.clear()

    def close(self) -> None:
        """Stop watching."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None


def _tensors(tree: Any, depth: int = 4) -> list[Tensor]:
    if isinstance(tree, Tensor):
        return [tree] if tree.layout is torch.strided else []
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    if not isinstance(tree, list | tuple) or not depth:
        return []
    return [t for each in tree for t in _tensors(each, depth - 1)]


def _same(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> bool:
    """Whether these are the same tensors in any order, but for device and precision."""
    left = list(theirs)
    for one in ours:
        place = next((k for k, other in enumerate(left) if _equal(one, other)), None)
        if place is None:
            return False
        left.pop(place)
    return not left


def _equal(one: Tensor, other: Tensor) -> bool:
    if one is other or one.shape != other.shape:
        return one is other
    here = one.detach().to(other.device)
    if not here.is_floating_point() or not other.is_floating_point():
        return bool((here == other).all())
    return torch.allclose(here.double(), other.double(), rtol=1e-2, atol=1e-2, equal_nan=True)


def _shapes(tensors: Sequence[Tensor]) -> str:
    return ", ".join(str(list(t.shape)) for t in tensors) or "none"
