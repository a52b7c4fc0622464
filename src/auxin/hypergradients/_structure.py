"""What a verdict of the self-check holds for: which network, functions and phi, in which structure."""

import dataclasses
import functools
import types
import weakref
from collections.abc import Hashable, Mapping
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

from auxin.hypergradients.base import BilevelProblem
from auxin.math.params import bare, walk
from auxin.math.visits import once

V = TypeVar("V")
FLAGS = ("gradient_checkpointing", "grad_checkpointing")
"""Attributes by which transformers and timm switch activation checkpointing on."""


@dataclasses.dataclass(frozen=True)
class Key:
    """The objects (held weakly), the network's structure and the batch's."""

    objects: tuple[int, ...]
    references: tuple[Any, ...] = dataclasses.field(compare=False)
    structure: int
    batch: Hashable

    def alive(self) -> bool:
        """Whether every object still exists, so that no other can have its identity."""
        return all(reference() is not None for reference in self.references)


class Memory(Generic[V]):
    """Values by network and key; a network that is gone takes its values with it."""

    def __init__(self) -> None:
        self._by_network: weakref.WeakKeyDictionary[nn.Module, dict[Key, tuple[Key, V]]] = (
            weakref.WeakKeyDictionary()
        )

    def get(self, network: nn.Module, key: Key) -> V | None:
        """The value of this key, or None."""
        found = self._by_network.get(network, {}).get(key)
        return found[1] if found is not None and found[0].alive() else None

    def put(self, network: nn.Module, key: Key, value: V) -> None:
        """Keep a value, and drop those whose objects are gone."""
        own = self._by_network.setdefault(network, {})
        for other in [k for k, (held, _) in own.items() if not held.alive()]:
            del own[other]
        own[key] = (key, value)

    def forget(self, network: nn.Module) -> None:
        """Drop the values of a network."""
        self._by_network.pop(network, None)

    def all(self, network: nn.Module, key: Key) -> list[V]:
        """The values of all batches' structures."""
        own = self._by_network.get(network, {})
        return [
            value
            for held, value in own.values()
            if held.objects == key.objects and held.structure == key.structure and held.alive()
        ]


def key_of(problem: BilevelProblem, batch: Any) -> Key:
    """The key of a problem and a batch."""
    return once((id(problem), id(batch)), lambda: _key_of(problem, batch))


def _key_of(problem: BilevelProblem, batch: Any) -> Key:
    found: list[Any] = []
    for function in (problem.criterion, problem.context):
        _parts(function, found, depth=4)
    found += problem.phi
    references = []
    for thing in found:
        try:
            references.append(weakref.ref(thing))
        except TypeError:  # such as a number: equal values have one identity, or merely ask again
            continue
    return Key(tuple(map(id, found)), tuple(references), structure(bare(problem.network)), layout(batch))


def _parts(thing: Any, into: list[Any], depth: int) -> None:
    """The objects that make a function what it is: code, owner, and the modules, parameters and functions it holds.

    A function made anew for every batch, by the same line and around the same modules, counts as the same.
    """
    if thing is None or depth == 0:
        return
    if isinstance(thing, types.MethodType):
        into += [
            thing.__self__,
            thing.__func__.__code__ if hasattr(thing.__func__, "__code__") else thing.__func__,
        ]
    elif isinstance(thing, types.FunctionType):
        into.append(thing.__code__)
        cells = [cell.cell_contents for cell in thing.__closure__ or () if _filled(cell)]
        for held in [*cells, *(thing.__defaults__ or ())]:
            if isinstance(held, nn.Module) or (
                isinstance(held, Tensor) and held.requires_grad and held.is_leaf
            ):
                into.append(held)
            elif isinstance(held, types.FunctionType | types.MethodType | functools.partial):
                _parts(held, into, depth - 1)
    elif isinstance(thing, functools.partial):
        _parts(thing.func, into, depth - 1)
        into += [a for a in thing.args if isinstance(a, nn.Module)]
    else:
        into.append(thing)


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018  raises where the name is not bound yet
    except ValueError:
        return False
    return True


def structure(network: nn.Module) -> int:
    """A number for what can change between steps: training or evaluation, frozen parameters, hooks, checkpointing."""
    found: list[Any] = []
    for part in walk(network).modules:
        own = part.__dict__
        hooks = (
            own["_forward_hooks"],
            own["_forward_pre_hooks"],
            own["_backward_hooks"],
            own["_backward_pre_hooks"],
        )
        by_kind = (tuple(map(_code, kind.values())) for kind in hooks)
        found.append((part.training, *by_kind, *(own.get(flag) for flag in FLAGS)))
        found += [p.requires_grad for p in part._parameters.values() if p is not None]
    return hash(tuple(found))


def _code(hook: Any) -> Hashable:
    """What a hook does: its code, so that one that is made anew for every step counts as the same."""
    while isinstance(hook, functools.partial):
        hook = hook.func
    return getattr(hook, "__code__", type(hook))


def layout(batch: Any) -> Hashable:
    """The types and keys of a batch, not its shapes or values: which tasks have labels in it."""
    if isinstance(batch, Mapping):
        return tuple(sorted((str(k), layout(v)) for k, v in batch.items()))
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        return tuple((f.name, layout(getattr(batch, f.name))) for f in dataclasses.fields(batch))
    if isinstance(batch, tuple | list) and len(batch) < 64:
        return tuple(layout(v) for v in batch)
    return type(batch).__name__
