"""What modules, objects and functions keep from one call to the next, as it was at one time, to be put back.

A hidden state, a step counter, a memory list, a generator, in attributes of objects and classes and in globals; for
loss functions and hooks also what a closure keeps, and buffers (the centre of a self-distillation loss, a queue of
negatives).
"""

import functools
import queue
import threading
import types
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from auxin.math.code_names import (
    global_names,
    is_auxins,
    is_users,
    is_users_object,
    keeps_nothing,
    mentioned,
)
from auxin.math.containers import CONTAINERS, alike, content_of, items, refill
from auxin.math.generators import bytes_of, is_array, restore, state_of
from auxin.math.params import parts_of

_OWN = set(vars(nn.Module()))
_DEPTH = 4
_NESTED = 40
"""How deep the user's objects may hold each other."""


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
        self._moved: list[tuple[dict[str, Any], str, Tensor, Tensor]] = []
        self._arrays: list[tuple[Any, Any]] = []
        self._seen: set[int] = set()
        self._nested = 0

    def leave_out(self, modules: Iterable[nn.Module]) -> None:
        """Do not look into these modules, nor at their parameters, where something else holds them."""
        for module in modules:
            self._seen.update((id(module), *map(id, module._parameters.values())))

    def module(self, module: nn.Module) -> None:
        """Add the plain attributes of one module, of its class, and what its forward hooks keep.

        Modules of torch's own classes and of auxin's keep nothing in attributes.
        """
        if module._forward_hooks or module._forward_pre_hooks:
            for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values()):
                self._walk(hook, _DEPTH)
        if keeps_attributes(module):
            self._object(module, _DEPTH)
            for key, value in list(module.__dict__.items()):
                if key not in _OWN and not isinstance(value, nn.Module):
                    self._walk(value, _DEPTH)

    def functions(self, functions: Iterable[Any], without: Iterable[nn.Module] = ()) -> None:
        """Add what functions keep: their closures, the objects that they belong to, and these modules' buffers.

        Args:
            functions: Functions, methods, modules and other callable objects.
            without: Modules to leave out, with their parts.
        """
        for top in without:
            self.leave_out(parts_of(top))
        for function in functions:
            self._walk(function, _DEPTH + 1)
        self._lend()

    def rewind(self) -> bool:
        """Put back everything; buffers become clones, so that a graph keeps those of the call before.

        Returns:
            False where a tensor in a plain attribute or a closure was written into, which cannot be put back.
        """
        self.put_back()
        for held, key, own in self._buffers:
            held[key] = own.clone()
        self._lend()
        return all(tensor._version == version for tensor, version in self._tensors)

    def put_back(self) -> None:
        """Put back everything but buffers; those that `end_with` knows take the values that they had then."""
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
            restore(generator, state)
        for array, content in self._arrays:
            if array.tobytes() != content.tobytes():
                array[...] = content
        for held, key, own, value in self._moved:
            held[key] = own if own is value else own.copy_(value)

    def changed(self) -> bool:
        """Whether anything is another than when it was added or put back last."""
        return next(self._changes(), None) is not None

    def changes(self) -> list[str]:
        """Names of what changed since it was added; tensors written into and generators drawn from are among it."""
        written = [t for t, version in self._tensors if t._version != version]
        drawn = [g for g, was in self._generators if bytes_of(was) != bytes_of(state_of(g))]
        filled = [array for array, was in self._arrays if array.tobytes() != was.tobytes()]
        return list(dict.fromkeys([*self._changes(), *map(self._name, [*written, *drawn, *filled])]))

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

    def end_with(self, later: "Remembered", now: "Remembered") -> None:
        """Tell a later one which tensors the buffers that it found are in the end.

        Args:
            later: What was kept after a loss was computed, from which things will go on.
            now: Which lent the loss its buffers; this one, or one that began after a forward pass.
        """
        lent = {id(clone) for clone, _ in (*self._lent, *now._lent)}
        owns = {(id(held), key): own for held, key, own in self._buffers}
        later._moved = [
            (held, key, owns.get((id(held), key), value) if id(value) in lent else value, value)
            for held, key, value in later._buffers
        ]

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
        if id(kind) in self._seen or keeps_nothing(kind.__module__):
            return
        self._seen.add(id(kind))
        for name, value in list(vars(kind).items()):
            function = getattr(value, "fget", getattr(value, "__func__", value))
            if isinstance(function, types.FunctionType):
                self._names(function, depth)
            elif not name.startswith("__") and isinstance(value, _KEPT):
                self._class_attributes.append((kind, name, value))
                self._look(value, depth)

    def _names(self, function: types.FunctionType, depth: int, follow: bool = False) -> None:
        """Add the globals that a function assigns and what those that it reads keep, modules' attributes among them.

        Args:
            function: The function.
            depth: How deep containers are looked into.
            follow: Whether what a package's function calls is followed too; what the user's calls always is.
        """
        code, theirs = function.__code__, is_users(function.__module__)
        if id(code) in _SILENT and not follow:
            return
        read, written = global_names(code)
        own = function.__globals__
        places = [(own, name) for name in read | written if name in own]
        if not theirs and all(isinstance(held[name], _CODE) for held, name in places) and not written:
            _SILENT[id(code)] = code
        for module in [own[name] for _, name in places] if theirs else ():
            if isinstance(module, types.ModuleType) and is_users(module.__name__):
                inside = vars(module)
                places += [(inside, name) for name in mentioned(code) if name in inside]
        top = (function.__module__ or "").partition(".")[0]
        for held, name in places:
            value = held[name]
            if name in written if held is own else isinstance(value, _KEPT):
                self._globals.append((held, name, value))
            if not isinstance(value, _CODE) and id(value) not in self._seen:
                self._look(value, depth - 1)
            if not (theirs or follow):
                continue
            if theirs and isinstance(value, type):
                self._class(value, depth)
            elif (
                isinstance(value, _CALLED)
                or is_users_object(value)
                or (type(value).__module__ or "").partition(".")[0] == top
            ):
                self._walk(value, max(depth - 1, 2))

    def _look(self, value: Any, depth: int) -> None:
        """Add a value that an attribute or a container holds."""
        if isinstance(value, Tensor):
            if not value.is_inference() and id(value) not in self._seen:
                self._tensors.append((value, value._version))
        elif (state := state_of(value)) is not None:
            self._generators.append((value, state))
        elif is_array(value):
            self._arrays.append((value, value.copy()))
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
        elif hasattr(thing, "__dict__") and self._nested < _NESTED:
            ours = _is_ours(thing)
            inside = depth if ours or is_users_object(thing) else depth - 1
            if not ours:
                self._object(thing, inside)
            self._nested += 1
            for each in list(vars(thing).values()):
                self._walk(each, inside)
            self._nested -= 1

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
        if not keeps_nothing(function.__module__ or ""):
            self._names(function, _DEPTH, follow=True)

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


_SILENT: dict[int, types.CodeType] = {}
"""Code of packages' functions that name nothing but code."""
_PLAIN = (
    *(str, bytes, int, float, complex, bool, type(None), type),
    *(Tensor, types.ModuleType, types.BuiltinFunctionType),
    *(torch.optim.Optimizer, queue.Queue, threading.Thread),  # another thread may be at work on them
)
_CODE = (types.FunctionType, types.BuiltinFunctionType, type, types.ModuleType, str)
_CALLED = (nn.Module, types.FunctionType, types.MethodType, functools.partial)
_KEPT = (int, float, *CONTAINERS, Tensor, type(None))


def keeps_attributes(module: nn.Module) -> bool:
    """Whether a module may keep something in plain attributes: one of torch's own classes or auxin's does not."""
    known = type(module).__module__.startswith("torch.nn.modules") or _is_ours(module)
    return not known and not isinstance(module, torch.jit.ScriptModule)


def _is_ours(thing: Any) -> bool:
    """Whether it is of auxin, which keeps nothing between the calls of one meta step."""
    module = thing.__module__ if isinstance(thing, types.FunctionType) else type(thing).__module__
    return is_auxins(module or "")
