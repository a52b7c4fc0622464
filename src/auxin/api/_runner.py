"""The user's network as a function of the calls of a reading, to outputs by task."""

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import torch
from torch import Tensor, nn

from auxin.api._reading import Call, ObjectiveBatch, tensors_of
from auxin.api._watched_step import digest
from auxin.math.code_names import keeps_nothing
from auxin.math.functional import still
from auxin.math.params import bare
from auxin.training.processes import parallel

_CHANGED = (
    "Between the loss and `after_step` attributes of the network were changed: {}. A meta step takes the network as it "
    "was at the loss, as the next training step would."
)

_WRITTEN = (
    "Between the loss and `after_step` the batch was written into: found other numbers in {}. A meta step computes the "
    "loss of the last batch again. Give `aux(...)` a copy, or call `after_step` before the batch is written into."
)

_HOOKS = (
    *("_forward_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called"),
    *("_forward_pre_hooks", "_forward_pre_hooks_with_kwargs"),
)


class Runner(nn.Module):
    """The user's network as a function of the calls of a reading, to outputs by task.

    Args:
        network: The network, bare or wrapped.
        pick: Function from its outputs to outputs by task.

    Attributes:
        network: The network without wrappers.
        wrapper: A weak reference to the wrapper of data parallelism, where it is known.
    """

    def __init__(self, network: nn.Module, pick: Callable[[Any, str | None], dict[str, Any]]) -> None:
        super().__init__()
        self.network, self.pick = bare(network), pick
        wrapped = isinstance(network, nn.parallel.DistributedDataParallel)
        self.wrapper: weakref.ref[Any] | None = weakref.ref(network) if wrapped else None
        self._noted: list[tuple[nn.Module | Tensor, str, Any]] = []
        self._batch: dict[str, tuple[list[Tensor], list[int]]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """A copy is in another loop, whose wrapper it has not seen."""
        return vars(self) | {"wrapper": None}

    @contextmanager
    def as_next(self) -> Iterator[None]:
        """Within, the network has the buffers of the next training step, to which the wrapper of data parallelism sends
        the first process's."""
        wrapper = self.wrapper() if self.wrapper is not None and parallel() else None
        if wrapper is None or not wrapper.will_sync_module_buffers():
            yield
            return
        with still([self.network]):
            wrapper._sync_buffers()
            yield

    def forward(self, calls: Sequence[Call]) -> dict[str, Any]:
        """Outputs by task."""
        signals: dict[str, Any] = {}
        for call in calls:
            signals.update(self.pick(self.network(*call.args, **call.kwargs), call.part))
        return signals

    def note(self, batch: ObjectiveBatch, due: bool = True) -> None:
        """Note modes, switches (truth values, texts), forward hooks, what is trained, and the batch, if it is time."""
        if not due:
            return
        calls = [(call.args, call.kwargs) for call in batch.calls]
        parts = {"the inputs": calls} | {f"the labels of {k!r}": v for k, v in batch.y.items()}
        found = {name: tensors_of(part, depth=6) for name, part in parts.items()}
        self._batch = {name: (tensors, [*map(digest, tensors)]) for name, tensors in found.items()}
        self._noted = [(p, "requires_grad", p.requires_grad) for p in self.network.parameters()]
        for part in self.network.modules():
            switches = ("training",) if keeps_nothing(type(part).__module__) else vars(part)
            found = ((name, getattr(part, name)) for name in switches)
            self._noted += [(part, name, copy(value)) for name, value in found if _is_switch(value)]
            if not isinstance(part, torch.jit.ScriptModule):
                self._noted += [(part, name, copy(getattr(part, name))) for name in _HOOKS]

    @contextmanager
    def as_noted(self, notify: Callable[[str], None]) -> Iterator[None]:
        """Within, the network is as it was noted, which is then forgotten; a difference is told.

        An evaluation may have left `eval()` on; parameters may be frozen, an adapter switched off, or a hook be there
        inside the training step alone.
        """
        now = [(thing, name, getattr(thing, name, was), was) for thing, name, was in self._noted]
        other = [each for each in now if each[2] != each[3] and (each[1] in _HOOKS or _is_switch(each[2]))]
        written = [name for name, (tensors, was) in self._batch.items() if [*map(digest, tensors)] != was]
        self._noted, self._batch = [], {}
        if written:
            notify(_WRITTEN.format(", ".join(written)))
        if other:
            notify(_CHANGED.format(", ".join(sorted({f"`{name}`" for _, name, *_ in other}))))
        try:
            for thing, name, _, was in other:
                setattr(thing, name, was)
            yield
        finally:
            for thing, name, value, _ in other:
                setattr(thing, name, value)


def _is_switch(value: Any) -> bool:
    """Whether an attribute says how a part works: a truth value, a text, a list of texts (PEFT's active adapters)."""
    return isinstance(value, bool | str) or (
        isinstance(value, list) and all(isinstance(each, str) for each in value)
    )
