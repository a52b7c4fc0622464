"""What modules, objects and functions keep from one call to the next, as it was at one time, to be put back.

A hidden state, a step counter, a memory list, a generator, in attributes of objects and classes and in globals; for
loss functions and hooks also what a closure keeps, and buffers (the centre of a self-distillation loss, a queue of
negatives).
"""

import dis
import functools
import pickle
import random
import sys
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from auxin.math.containers import CONTAINERS, alike, content_of, items, refill
from auxin.math.params import parts_of

_OWN = set(vars(nn.Module()))
_PACKAGE = Path(__file__).parents[1]
_DEPTH = 3


class Remembered:
    """Attributes, containers, generators, closures' variables and buffers, as they are when they are added."""

    def __init__(self) -> None:
        self._attributes: list[tuple[Any, dict[str, Any]]] = []
        self._contents: list[tuple[Any, Any]] = []
        self._generators: list[tuple[Any, Any]] = []
        self._tensors: list[tuple[Tensor, int]] = []
        self._cells: list[tuple[Any, Any, str]] = []
        self._globals: list[tuple[dict[str, Any], str, Any]] = []
        self._class_attributes: list[tuple[type, str, Any]] = []
        self._buffers: list[tuple[dict[str, Any], str, Tensor]] = []
        self._lent: list[tuple[Tensor, int]] = []
        self._seen: set[int] = set()

    def module(self, module: nn.Module) -> None:
        """Add the plain attributes of one module, of its class, and what its forward hooks keep.

        Modules of torch's own classes and of auxin's keep nothing in attributes.
        """
        if module._forward_hooks or module._forward_pre_hooks:
            for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values()):
                self._walk(hook, _DEPTH)
        if keeps_attributes(module):
            self._object(module, _DEPTH)

    def functions(self, functions: Iterable[Any], without: Iterable[nn.Module] = ()) -> None:
        """Add what functions keep: their closures, the objects that they belong to, and these modules' buffers.

        Args:
            functions: Functions, methods, modules and other callable objects.
            without: Modules to leave out, with their parts.
        """
        for top in without:
            self._seen.update(map(id, parts_of(top)))
        for function in functions:
            self._walk(function, _DEPTH + 1)
        self._lend()

    def rewind(self) -> bool:
        """Put back everything; buffers become clones, so that a graph keeps those of the call before.

        Returns:
            False where a tensor in a plain attribute or a closure was written into, which cannot be put back.
        """
        for thing, before in self._attributes:
            own = thing.__dict__
            if own.keys() != before.keys():
                for key in own.keys() - before.keys():
                    del own[key]
            own.update(before)
        for cell, content, _ in self._cells:
            cell.cell_contents = content
        for held, name, value in self._globals:
            held[name] = value
        for kind, name, value in self._class_attributes:
            if vars(kind).get(name) is not value:
                setattr(kind, name, value)
        for container, content in self._contents:
            refill(container, content)
        for generator, state in self._generators:
            _restore(generator, state)
        for held, key, own in self._buffers:
            held[key] = own.clone()
        self._lend()
        return all(tensor._version == version for tensor, version in self._tensors)

    def changed(self) -> bool:
        """Whether anything is another than when it was added or put back last."""
        return next(self._changes(), None) is not None

    def changes(self) -> list[str]:
        """Names of what changed since it was added; tensors written into and generators drawn from are among it."""
        written = [t for t, version in self._tensors if t._version != version]
        drawn = [g for g, was in self._generators if _bytes(was) != _bytes(_state(g))]
        return list(dict.fromkeys([*self._changes(), *map(self._name, [*written, *drawn])]))

    def _changes(self) -> Iterator[str]:
        for thing, was in self._attributes:
            own = thing.__dict__
            for key in (*was, *(own.keys() - was.keys())):
                if own.get(key, self) is not was.get(key, self):
                    yield f"{type(thing).__name__}.{key}"
        yield from (name for cell, content, name in self._cells if cell.cell_contents is not content)
        yield from (name for held, name, value in self._globals if held.get(name) is not value)
        for kind, name, value in self._class_attributes:
            if vars(kind).get(name) is not value:
                yield f"{kind.__name__}.{name}"
        yield from (self._name(thing) for thing, content in self._contents if not alike(thing, content))
        for (held, key, _), (lent, version) in zip(self._buffers, self._lent, strict=True):
            if held[key] is not lent or lent._version != version:
                yield f"the buffer {key}"

    def _name(self, thing: Any) -> str:
        """What a container, tensor or generator is called where it was found; its type where that is not known."""
        named = [(f"{type(o).__name__}.{k}", v) for o, was in self._attributes for k, v in was.items()]
        named += [(f"{kind.__name__}.{name}", value) for kind, name, value in self._class_attributes]
        named += [(name, content) for _, content, name in self._cells]
        return next((name for name, value in named if value is thing), f"a {type(thing).__name__}")

    def _lend(self) -> None:
        self._lent = [(held[key], held[key]._version) for held, key, _ in self._buffers]

    def close(self) -> bool:
        """Rewind, and give the modules their own buffers again; returns what `rewind` does."""
        whole = self.rewind()
        for held, key, own in self._buffers:
            held[key] = own
        return whole

    def _object(self, thing: Any, depth: int) -> None:
        before = dict(thing.__dict__)
        self._attributes.append((thing, before))
        own = _OWN if isinstance(thing, nn.Module) else ()
        for key, value in before.items():
            if key not in own:
                self._look(value, depth)
        for kind in type(thing).__mro__:
            self._class(kind, depth)

    def _class(self, kind: type, depth: int) -> None:
        """Add what a class of the user's keeps: its plain attributes, and the globals that its methods write."""
        if id(kind) in self._seen or not _is_the_users(kind.__module__):
            return
        self._seen.add(id(kind))
        for name, value in list(vars(kind).items()):
            if isinstance(value, types.FunctionType):
                self._names(value, depth)
            elif not name.startswith("__") and isinstance(value, _KEPT):
                self._class_attributes.append((kind, name, value))
                self._look(value, depth)

    def _names(self, function: types.FunctionType, depth: int) -> list[Any]:
        """Add the globals that a function assigns and the containers among those that it reads; returns all of them."""
        names, written = _names_of(function.__code__)
        own, found = function.__globals__, []
        for name in names:
            if name not in own:
                continue
            value = own[name]
            found.append(value)
            if name in written:
                self._globals.append((own, name, value))
            if name in written or isinstance(value, CONTAINERS):
                if id(value) not in self._seen:
                    self._look(value, depth - 1)
            elif _state(value) is not None or isinstance(value, Tensor):
                self._look(value, depth - 1)
        return found

    def _look(self, value: Any, depth: int) -> None:
        """Add a value that an attribute or a container holds."""
        if isinstance(value, Tensor):
            if not value.is_inference():
                self._tensors.append((value, value._version))
        elif (state := _state(value)) is not None:
            self._generators.append((value, state))
        elif isinstance(value, CONTAINERS) and depth:
            self._contents.append((value, content_of(value)))
            for each in items(value):
                self._look(each, depth - 1)

    def _walk(self, thing: Any, depth: int) -> None:
        """Add what a function, or a thing that it holds, keeps."""
        if not depth or id(thing) in self._seen or isinstance(thing, _PLAIN):
            return
        self._seen.add(id(thing))
        if isinstance(thing, types.FunctionType):
            self._closure(thing, depth)
        elif isinstance(thing, types.MethodType):
            self._walk(thing.__self__, depth)
            self._walk(thing.__func__, depth)
        elif isinstance(thing, functools.partial):
            for part in (thing.func, *thing.args, *thing.keywords.values()):
                self._walk(part, depth)
        elif isinstance(thing, nn.Module):
            self._losses_module(thing, depth)
        elif isinstance(thing, CONTAINERS):
            for each in items(thing):
                self._walk(each, depth - 1)
        elif hasattr(thing, "__dict__"):
            ours = _is_ours(thing)
            if not ours:
                self._object(thing, depth - 1)
            for each in list(vars(thing).values()):
                self._walk(each, depth if ours else depth - 1)

    def _closure(self, function: types.FunctionType, depth: int) -> None:
        ours = _is_ours(function)
        for cell, name in zip(function.__closure__ or (), function.__code__.co_freevars, strict=True):
            try:
                content = cell.cell_contents
            except ValueError:  # the name is not bound yet
                continue
            self._cells.append((cell, content, name))
            if not ours:
                self._look(content, depth - 1)
            self._walk(content, depth if ours else depth - 1)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self._look(default, depth - 1)
            self._walk(default, depth - 1)
        top = (function.__module__ or "").partition(".")[0]
        if not _is_the_users(function.__module__ or ""):
            return
        for value in self._names(function, _DEPTH):
            written_here = (type(value).__module__ or "").partition(".")[0] == top
            if written_here or isinstance(
                value, nn.Module | types.FunctionType | types.MethodType | functools.partial
            ):
                self._walk(value, max(depth - 1, 2))

    def _losses_module(self, module: nn.Module, depth: int) -> None:
        for part in module.modules():
            if id(part) in self._seen and part is not module:
                continue
            self._seen.add(id(part))
            if type(part).__module__ == "torch.nn.modules.loss":  # class weights, which nothing moves
                continue
            self._buffers += [
                (part._buffers, key, own) for key, own in part._buffers.items() if own is not None
            ]
            if keeps_attributes(part):
                self._object(part, depth - 1)
                for key, value in list(part.__dict__.items()):
                    if key not in _OWN:
                        self._walk(value, depth - 1)


_PLAIN = (
    *(str, bytes, int, float, complex, bool, type(None), type),
    *(Tensor, types.ModuleType, types.BuiltinFunctionType),
)
_NOT_THE_USERS = frozenset(("torch", "torchgen", "builtins", "numpy", "collections", "typing", "abc"))
_KEPT = (int, float, *CONTAINERS, Tensor, type(None))


@functools.cache
def _names_of(code: types.CodeType) -> tuple[tuple[str, ...], frozenset[str]]:
    """All globals that a function's code names, and those of them that it assigns."""
    read, written = _global_names(code)
    return tuple(read | written), written


def _global_names(code: types.CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """The globals that a function's code, and the functions within it, reads and those that it assigns."""
    read, written = set(), set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            read.add(step.argval)
        elif step.opname == "STORE_GLOBAL":
            written.add(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            more, also = _global_names(inner)
            read |= more
            written |= also
    return frozenset(read), frozenset(written)


def keeps_attributes(module: nn.Module) -> bool:
    """Whether a module may keep something in plain attributes: one of torch's own classes or auxin's does not."""
    known = type(module).__module__.startswith("torch.nn.modules") or _is_ours(module)
    return not known and not isinstance(module, torch.jit.ScriptModule)


def _is_ours(thing: Any) -> bool:
    """Whether it is of auxin, which keeps nothing between the calls of one meta step."""
    module = thing.__module__ if isinstance(thing, types.FunctionType) else type(thing).__module__
    return _is_auxins(module or "")


@functools.cache
def _is_auxins(module: str) -> bool:
    """Whether a module is of this package; a plugin of the user's has such a name too, and lies elsewhere."""
    if module.partition(".")[0] != _PACKAGE.name:
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is None or _PACKAGE in Path(file).parents


@functools.cache
def _is_the_users(module: str) -> bool:
    top = module.partition(".")[0]
    return not _is_auxins(module) if top == _PACKAGE.name else top not in _NOT_THE_USERS


def _state(generator: Any) -> Any:
    """The state of a random generator that a module keeps; None of anything else."""
    if isinstance(generator, _PLAIN):
        return None
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, random.Random):
        return generator.getstate()
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(generator, numpy.random.Generator):
        return generator.bit_generator.state
    if numpy is not None and isinstance(generator, numpy.random.RandomState):
        return generator.get_state()
    return None


def _bytes(state: Any) -> bytes:
    return state.numpy().tobytes() if isinstance(state, Tensor) else pickle.dumps(state)


def _restore(generator: Any, state: Any) -> None:
    if isinstance(generator, random.Random):
        generator.setstate(state)
    elif hasattr(generator, "bit_generator"):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)
