"""Signals as trees: a tensor, or a (nested) mapping, tuple, list or dataclass of tensors."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor


def tensors(tree: Any) -> list[Tensor]:
    """The floating-point tensors of a tree, depth first.

    >>> import torch
    >>> len(tensors({"a": torch.zeros(1), "b": (torch.ones(1), torch.tensor(3), "text")}))
    2
    """
    if isinstance(tree, Tensor):
        return [tree] if tree.is_floating_point() else []
    return [t for child in children(tree) for t in tensors(child)]


def rebuild(tree: Any, values: Sequence[Tensor]) -> Any:
    """The same tree with its floating-point tensors replaced, in the order of `tensors`.

    >>> import torch
    >>> rebuild({"a": torch.zeros(1), "b": 3}, [torch.ones(1)])
    {'a': tensor([1.]), 'b': 3}
    """
    remaining = iter(values)
    return tree_map(lambda _: next(remaining), tree)


def tree_map(function: Callable[[Tensor], Any], tree: Any) -> Any:
    """The same tree with the function applied to its floating-point tensors; all else is passed on."""
    if isinstance(tree, Tensor):
        return function(tree) if tree.is_floating_point() else tree
    if isinstance(tree, Mapping):
        return _like(tree, {key: tree_map(function, child) for key, child in tree.items()})
    if is_dataclass(tree) and not isinstance(tree, type):
        made = copy(tree)
        for each in fields(tree):
            object.__setattr__(made, each.name, tree_map(function, getattr(tree, each.name)))
        return made
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(tree_map(function, child) for child in tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)(tree_map(function, child) for child in tree)
    return tree


def detach(tree: Any) -> Any:
    """The same tree without its graph."""
    return tree_map(Tensor.detach, tree)


def full_precision(tree: Any) -> Any:
    """The same tree with its sixteen-bit tensors as float32, with their graph; float32 and float64 as they are.

    >>> full_precision(torch.zeros(1, dtype=torch.bfloat16)).dtype
    torch.float32
    """
    return tree_map(lambda t: t.float() if t.dtype in (torch.bfloat16, torch.float16) else t, tree)


def _like(tree: Mapping[Any, Any], content: dict[Any, Any]) -> Any:
    """A mapping of the same class, whose items may be its attributes too, with another content; else a dictionary."""
    if type(tree) is dict:
        return content
    try:
        made: Any = copy(tree)
        for key, value in content.items():
            made[key] = value
    except TypeError:  # it cannot be changed
        return content
    return made


def children(tree: Any) -> list[Any]:
    """What a mapping, tuple, list or dataclass holds; nothing of anything else."""
    if isinstance(tree, Mapping):
        return list(tree.values())
    if is_dataclass(tree) and not isinstance(tree, type):
        return [getattr(tree, each.name) for each in fields(tree)]
    return list(tree) if isinstance(tree, (tuple, list)) else []
