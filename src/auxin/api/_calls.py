"""Whether the meta step calls the network as the training step does, and takes what that takes of it: compared once.

Pictures that are augmented or mixed up after they were taken from the batch, and an attention mask that `inputs=` does
not name, would make the meta step's network another function without a word; so would logits that are divided, squeezed
or taken from another call between the network and `aux(...)`.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from auxin.api._reading import Call

_DIFFERS = (
    "The network was called with other inputs than the batch holds, and a meta step calls it with the batch's. "
    "Put what the network gets into the batch (after augmentation and mixup), and name all of it in `inputs=`. "
    "Found {} against {} in the batch."
)
_TAKEN = (
    "The outputs of {} that `aux(...)` was given are not what the network put out for the batch's inputs, and a meta "
    "step takes that. Do in `outputs=` (or in the task's loss) what is done with them between; rows that the network "
    "sees in a call of their own belong in a batch by task."
)


class WatchedCalls:
    """The network's last calls until the first comparison, by a hook that is gone after it.

    Args:
        network: The network without wrappers; a compiled or traced one is not watched.
        most: How many calls a batch may take.
    """

    def __init__(self, network: nn.Module, most: int) -> None:
        self.seen: deque[tuple[list[Tensor], Any]] = deque(maxlen=most)
        self._hook = None
        compiled = getattr(network, "_compiled_call_impl", None) is not None
        if not compiled and not isinstance(network, torch.jit.ScriptModule):
            self._hook = network.register_forward_hook(self._note, with_kwargs=True)

    def _note(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        del module
        if not torch.compiler.is_compiling():
            output = tree_map_only(Tensor, Tensor.detach, output)
            self.seen.append(([t.detach() for t in _tensors((args, kwargs))], output))

    def compare(
        self,
        calls: Sequence[Call],
        given: Mapping[str, Any],
        pick: Callable[[Any, str | None], Mapping[str, Any]],
        notify: Callable[[str], None],
    ) -> None:
        """Tell once if none of the network's calls is that of a meta step, or if its outputs are not those given.

        Args:
            calls: The calls that a meta step would make.
            given: The outputs by task that the training loss was computed of.
            pick: Function from the network's outputs and a task whose rows they are to outputs by task.
            notify: Function that is called with a sentence.
        """
        if self._hook is None:
            return
        self.close()
        for call in calls if self.seen else ():
            ours = _tensors((call.args, call.kwargs))
            alike = [output for theirs, output in self.seen if not ours or _same(ours, theirs)]
            if not alike:
                notify(_DIFFERS.format(*map(_shapes, (self.seen[-1][0], ours))))
                break
            picked = [pick(output, call.part) for output in alike]
            names = [name for name in picked[0] if name in given]
            other = [n for n in names if not any(_taken(given[n], each.get(n)) for each in picked)]
            if other:
                notify(_TAKEN.format(", ".join(map(repr, other))))
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


def _taken(given: Any, picked: Any) -> bool:
    """Whether the tensors of an output are those that the network put out, but for device and precision."""
    pairs = list(zip(_tensors(given), _tensors(picked), strict=False))
    if len(_tensors(given)) != len(_tensors(picked)) or any(a.shape != b.shape for a, b in pairs):
        return False
    return all(_near(a.detach().to(b.device, b.dtype), b.detach()) for a, b in pairs)


def _near(one: Tensor, other: Tensor) -> bool:
    if not other.is_floating_point():
        return bool((one == other).all())
    off = (one - other).double().nan_to_num()
    return float(off.abs().sum()) <= 1e-2 * float(other.double().nan_to_num().abs().sum())


def _shapes(tensors: Sequence[Tensor]) -> str:
    return ", ".join(str(list(t.shape)) for t in tensors) or "none"
