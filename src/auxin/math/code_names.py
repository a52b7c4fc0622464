"""What a function's code names, and whose code it is."""

import argparse
import dis
import functools
import sys
import types
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parents[1]
_NOT_THE_USERS = frozenset(("torch", "torchgen", "builtins", "numpy", "collections", "typing", "abc"))


@functools.cache
def is_auxins(module: str) -> bool:
    """Whether a module is of this package; a plugin of the user's has such a name too, and lies elsewhere."""
    if module.partition(".")[0] != _PACKAGE.name:
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is None or _PACKAGE in Path(file).parents


@functools.cache
def keeps_nothing(module: str) -> bool:
    """Whether a module's functions and classes keep nothing that a meta step would have to put back."""
    return is_auxins(module) or module.partition(".")[0] in _NOT_THE_USERS


@functools.cache
def global_names(code: types.CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """The globals that a function's code, and the functions within it, reads and those that it assigns."""
    read, written = set(), set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            read.add(step.argval)
        elif step.opname == "STORE_GLOBAL":
            written.add(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            more, also = global_names(inner)
            read |= more
            written |= also
    return frozenset(read), frozenset(written)


@functools.cache
def mentioned(code: types.CodeType) -> frozenset[str]:
    """The globals and attributes that a function's code, and the functions within it, names.

    >>> sorted(mentioned((lambda x: x.shape.numel()).__code__))
    ['numel', 'shape']
    """
    inner = (mentioned(each) for each in code.co_consts if isinstance(each, types.CodeType))
    return frozenset(code.co_names).union(*inner)


@functools.cache
def is_users(module: str | None) -> bool:
    """Whether a module is the user's own code: no installed package, none of Python's or auxin's.

    >>> is_users("json"), is_users("torch.nn"), is_users("__main__")
    (False, False, True)
    """
    top = (module or "").partition(".")[0]
    if top == "__main__":
        return True
    if keeps_nothing(module or "") or top in sys.stdlib_module_names:
        return False
    file = getattr(sys.modules.get(module or ""), "__file__", None) or ""
    return "site-packages" not in file and "dist-packages" not in file


def is_users_object(thing: Any) -> bool:
    """Whether an object is of a class of the user's, or a namespace."""
    kind = type(thing)
    return kind in (types.SimpleNamespace, argparse.Namespace) or is_users(kind.__module__)
