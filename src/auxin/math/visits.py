"""What forward passes and losses leave behind: put back before every pass and every loss of a meta step.

Networks keep things in plain attributes (a hidden state, a step counter, a memory list, a generator of their own),
loss functions in closures and buffers as well, and both draw from Python's and NumPy's random states. A meta step makes
several passes; each has to begin where the next training step would, and the last one has to leave nothing.
"""

import random
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from auxin.errors import UnsupportedError
from auxin.interrupts import uninterrupted
from auxin.math.params import bare, walk, walked
from auxin.math.remembered import Remembered

_DRAWS: weakref.WeakKeyDictionary[nn.Module, dict[bool, bool]] = weakref.WeakKeyDictionary()
"""Whether a network's forward passes draw from Python's or NumPy's random state, in training and in evaluation mode."""
_NOW: "list[Visit]" = []
_ONE_AT_A_TIME = threading.RLock()
"""What is put back (globals, random states), forward mode's level and the present visit belong to the process."""

Places = list[tuple[dict[str, Any], str, Any]]
"""Dictionaries of modules with keys, and what stands there."""


class Visit:
    """A network's plain attributes, generators and the random states of Python and NumPy, as they are now.

    Args:
        network: The network without wrappers. Modules of torch's own classes keep nothing in plain attributes.
        foreign: Parameters outside the network that the optimiser moves; the outer loss must not read them.
        losses: The loss functions.
        without: Modules that the loss functions reach and whose state is no matter of theirs, beside the network.

    Attributes:
        notes: What was found out during the visit and cannot change in it.
        left: The network's buffers as its last forward pass left them, with their places.
    """

    def __init__(
        self,
        network: nn.Module,
        foreign: Sequence[Tensor] = (),
        losses: Iterable[Any] = (),
        without: Iterable[nn.Module] = (),
    ) -> None:
        self.network, self.foreign = network, list(foreign)
        self.notes: dict[Any, Any] = {}
        self.left: Places = []
        self._functions, self._without = list(losses), [network, *without]
        self._own, self._losses = self._of_passes(), self._of_losses()
        self._now = self._losses  # what the losses keep once the present pass is over
        self._end: tuple[Remembered, Remembered, Any] | None = None
        self._passed, self._losses_whole = False, True
        self._draws = _DRAWS.setdefault(network, {})
        self._outside = _outside() if self._draws.get(network.training, True) else None
        self._drawn = False

    def _of_passes(self) -> Remembered:
        found, parts = Remembered(), walk(self.network).modules
        found.leave_out(parts)
        for module in parts:
            found.module(module)
        return found

    def _of_losses(self) -> Remembered:
        found = Remembered()
        found.functions(self._functions, self._without)
        return found

    def stay(self) -> None:
        """What was left so far, by a training step's pass and loss, stays in the end.

        What follows begins where the visit did.
        """
        outside = self._outside and _outside()
        drawn = self._outside and outside and _differs(self._outside, outside)
        if drawn or self._own.changes() or self._losses.changes():
            losses = self._of_losses()
            self._losses.end_with(losses, self._now)
            self._end = self._of_passes(), losses, outside

    def rewind(self) -> None:
        """Put back everything that forward passes have left since.

        Raises:
            UnsupportedError: A forward pass wrote into a tensor that is kept in a plain attribute.
        """
        whole = self._own.rewind()
        self._losses_whole &= self._losses.rewind()
        self._passed = True
        if self._outside is not None and _differs(self._outside, _outside()):
            self._drawn = True
            _restore_outside(self._outside)
        if not whole:
            raise _writes("network's forward pass")

    def begin_loss(self) -> None:
        """Put back everything that loss functions have left since the last forward pass, which may leave them features.

        Raises:
            UnsupportedError: One wrote into a tensor that it keeps in a closure or a plain attribute.
        """
        if self._passed:
            self._passed, self._now = False, self._losses
            if self._losses.changed():  # a hook or the network left something that the losses read
                self._now = self._of_losses()
        if not (self._now.rewind() and self._losses_whole):
            raise _writes("training or outer loss")

    def close(self) -> None:
        """Rewind, or go on to what stays, and remember whether the network draws random numbers outside torch."""
        try:
            try:
                self.rewind()
            finally:
                self._own.close()
                whole = self._losses.close() and self._losses_whole
            if not whole:
                raise _writes("training or outer loss")
            if self._end is not None:
                own, losses, outside = self._end
                own.put_back()
                losses.put_back()
                if outside is not None:
                    _restore_outside(outside)
        finally:
            if self._outside is not None:
                self._draws[self.network.training] = self._drawn or self._draws.get(
                    self.network.training, False
                )


def _writes(what: str) -> UnsupportedError:
    return UnsupportedError(
        f"The {what} writes into a tensor that it keeps in a plain attribute or a closure",
        do="Make it a buffer of a module (`register_buffer`), which a meta step leaves alone. (This call changed "
        "it once, as any other does.)",
    )


@contextmanager
def visiting(
    network: nn.Module,
    foreign: Sequence[Tensor] = (),
    losses: Iterable[Any] = (),
    without: Iterable[nn.Module] = (),
) -> Iterator[Visit]:
    """The forward passes and losses within begin alike, and nothing of them is left afterwards.

    >>> import torch
    >>> class Counting(nn.Module):
    ...     seen = 0
    ...     def forward(self, x):
    ...         self.seen += 1
    ...         return x * self.seen
    >>> counting = Counting()
    >>> with visiting(counting) as visit:
    ...     first = counting(torch.ones(1)); visit.rewind(); second = counting(torch.ones(1))
    >>> first, second, counting.seen
    (tensor([1.]), tensor([1.]), 0)
    """
    with uninterrupted(), _ONE_AT_A_TIME, walked(bare(network)):
        visit = Visit(bare(network), foreign, losses, without)
        _NOW.append(visit)
        try:
            yield visit
        finally:
            _NOW.pop()
            visit.close()


@contextmanager
def watching(networks: Sequence[nn.Module], losses: Iterable[Any], undo: bool = False) -> Iterator[list[str]]:
    """What the step within leaves behind, by name; buffers of the networks that it changes in place are not among it.

    Args:
        networks: Networks that the step runs.
        losses: Loss functions that it calls.
        undo: Put it back in the end, but for tensors and buffers that were changed in place.

    >>> class Counting(nn.Module):
    ...     seen = 0
    ...     def forward(self, x):
    ...         self.seen += 1
    ...         return x * self.seen
    >>> counting = Counting()
    >>> with watching([counting], []) as changed:
    ...     _ = counting(1.0)
    >>> changed
    ['Counting.seen']
    """
    kept, changed, outside = Remembered(), [], _outside()
    parts = [part for network in networks for part in network.modules()]
    buffers = [(part, key, own) for part in parts for key, own in part._buffers.items()]
    kept.leave_out(parts)
    for part in parts:
        kept.module(part)
    kept.functions(losses, networks)
    yield changed
    changed += kept.changes()
    changed += [f"{type(p).__name__}.{key}" for p, key, own in buffers if p._buffers[key] is not own]
    if _differs(outside, _outside()):
        changed.append("the random state of Python or NumPy")
    if undo:
        kept.put_back()
        _restore_outside(outside)


@contextmanager
def each_pass(network: nn.Module) -> Iterator[None]:
    """One of a visit's forward passes, begun where the visit began; a visit of its own where there is none."""
    if begin_pass(network):
        yield
    else:
        with visiting(network):
            yield


def begin_pass(network: nn.Module) -> bool:
    """Whether there is a visit of this network; its next forward pass begins where the visit began."""
    inside = bool(_NOW) and _NOW[-1].network is bare(network)
    if inside:
        _NOW[-1].rewind()
    return inside


def leave(network: nn.Module, buffers: Places) -> None:
    """A forward pass of the present visit is over and leaves these buffers."""
    if _NOW and _NOW[-1].network is network:
        _NOW[-1].left = buffers


@contextmanager
def as_left(network: nn.Module) -> Iterator[Callable[[], None]]:
    """The network has clones of the buffers that its last pass left, as a loss finds them that follows a pass.

    Yields:
        A function that lends new clones, for another loss after the same pass.
    """
    left = _NOW[-1].left if _NOW and _NOW[-1].network is bare(network) else []
    own = [(held, key, held[key]) for held, key, _ in left]

    def lend() -> None:
        clones = {id(value): value.detach().clone() for *_, value in left if value is not None}
        for held, key, value in left:
            held[key] = clones.get(id(value))

    try:
        lend()
        yield lend
    finally:
        for held, key, value in own:
            held[key] = value


def once(key: Any, function: Callable[[], Any]) -> Any:
    """What a function of things that do not change during a visit returns, computed once in it."""
    if not _NOW:
        return function()
    notes = _NOW[-1].notes
    if key not in notes:
        notes[key] = function()
    return notes[key]


def begin_loss() -> None:
    """A loss of the present visit is computed next: it begins where the next training step's does."""
    if _NOW:
        _NOW[-1].begin_loss()


def foreign_parameters() -> list[Tensor]:
    """Parameters outside the network that the optimiser of the present visit moves."""
    return _NOW[-1].foreign if _NOW else []


def _outside() -> tuple[Any, Any]:
    """The random states of Python and of NumPy, where it is loaded."""
    numpy = sys.modules.get("numpy")
    return random.getstate(), None if numpy is None else numpy.random.get_state()


def _differs(before: tuple[Any, Any], now: tuple[Any, Any]) -> bool:
    if before[0] != now[0]:
        return True
    a, b = before[1], now[1]
    return a is not None and (a[2] != b[2] or bool((a[1] != b[1]).any()))


def _restore_outside(state: tuple[Any, Any]) -> None:
    random.setstate(state[0])
    if state[1] is not None:
        sys.modules["numpy"].random.set_state(state[1])
