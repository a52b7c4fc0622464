"""Lists, dictionaries, sets and queues with what they hold, to be put back; classes derived from them too.

A derived class may make new objects of what is read from it or set in it (the table of activations in transformers
makes a module), so the methods of the built-in class are used.
"""

from collections import OrderedDict, deque
from typing import Any

CONTAINERS = (OrderedDict, dict, set, deque, list)
"""Built-in classes of containers, a derived one before its base."""
MOST = 1000
"""The longest container whose items are looked at one by one."""


def content_of(container: Any) -> Any:
    """The objects that a container holds, in their order: a dictionary, a set or a list.

    >>> content_of(deque([1, 2], maxlen=2))
    [1, 2]
    """
    kind = _kind(container)
    if issubclass(kind, dict):
        return dict(kind.items(container))
    return (set if kind is set else list)(kind.__iter__(container))


def items(container: Any) -> list[Any]:
    """What a container holds; nothing of a long one, or of a set."""
    if isinstance(container, set) or _kind(container).__len__(container) >= MOST:
        return []
    found = content_of(container)
    return list(found.values() if isinstance(found, dict) else found)


def alike(container: Any, content: Any) -> bool:
    """Whether a container holds the same objects as it did, in the same order.

    >>> recent = {"a": 1, "b": 2}
    >>> before = content_of(recent)
    >>> recent["a"] = recent.pop("a")
    >>> alike(recent, before)
    False
    """
    now = content_of(container)
    if isinstance(now, set):
        return now == content
    if len(now) != len(content):
        return False
    if isinstance(now, dict):
        pairs = zip(now.items(), content.items(), strict=True)
        return all(key is other and value is held for (key, value), (other, held) in pairs)
    return all(a is b for a, b in zip(now, content, strict=True))


def refill(container: Any, content: Any) -> None:
    """Give a container the content that it had.

    >>> recent = OrderedDict(a=1, b=2)
    >>> before = content_of(recent)
    >>> recent.move_to_end("a")
    >>> refill(recent, before)
    >>> list(recent)
    ['a', 'b']
    """
    if alike(container, content):
        return
    kind = _kind(container)
    kind.clear(container)
    if not isinstance(content, dict):
        (kind.update if kind is set else kind.extend)(container, content)
        return
    for key, value in content.items():
        kind.__setitem__(container, key, value)


def _kind(container: Any) -> Any:
    return next(kind for kind in CONTAINERS if isinstance(container, kind))
