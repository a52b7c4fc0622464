"""What a network's forward pass leaves behind beside its buffers: put back before every pass of a meta step.

Networks keep things in plain attributes (a hidden state, a step counter, a memory list, a generator of their own), and
draw from Python's and NumPy's random states. A meta step makes several forward passes; each has to begin where the next
training step would, and the last one has to leave nothing.
"""

import random
import sys
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from auxin.errors import UnsupportedError, message
from auxin.math.params import bare

_OWN = set(vars(nn.Module()))
_DEPTH = 3
_DRAWS: weakref.WeakKeyDictionary[nn.Module, dict[bool, bool]] = weakref.WeakKeyDictionary()
"""Whether a network's forward passes draw from Python's or NumPy's random state, in training and in evaluation mode."""
_NOW: "list[Visit]" = []


class Visit:
    """A network's plain attributes, generators and the random states of Python and NumPy, as they are now.

    Args:
        network: The network without wrappers. Modules of torch's own classes keep nothing in plain attributes.
        foreign: Parameters outside the network that the optimiser moves; the outer loss must not read them.

    Attributes:
        notes: What was found out during the visit and cannot change in it.
    """

    def __init__(self, network: nn.Module, foreign: Sequence[Tensor] = ()) -> None:
        self.network, self.foreign = network, list(foreign)
        self.notes: dict[Any, Any] = {}
        parts = [m for m in network.modules() if _keeps_attributes(m)]
        self._attributes = [(m.__dict__, dict(m.__dict__)) for m in parts]
        values = [value for _, before in self._attributes for k, value in before.items() if k not in _OWN]
        self._contents: list[tuple[Any, Any]] = []
        self._generators: list[tuple[Any, Any]] = []
        self._tensors: list[tuple[Tensor, int]] = []
        for value in values:
            self._look(value, _DEPTH)
        self._draws = _DRAWS.setdefault(network, {})
        self._outside = _outside() if self._draws.get(network.training, True) else None
        self._drawn = False

    def rewind(self) -> None:
        """Put back everything that forward passes have left since.

        Raises:
            UnsupportedError: A forward pass wrote into a tensor that is kept in a plain attribute.
        """
        for own, before in self._attributes:
            if own.keys() != before.keys():
                for key in own.keys() - before.keys():
                    del own[key]
            own.update(before)
        for container, content in self._contents:
            _refill(container, content)
        for generator, state in self._generators:
            _restore(generator, state)
        if self._outside is not None and _differs(self._outside, _outside()):
            self._drawn = True
            _restore_outside(self._outside)
        if any(tensor._version != version for tensor, version in self._tensors):
            raise UnsupportedError(
                message(
                    "The network's forward pass writes into a tensor that it keeps in a plain attribute",
                    do="Make it a buffer (`register_buffer`), which a meta step leaves alone. (This call changed it "
                    "once, as any forward does.)",
                )
            )

    def close(self) -> None:
        """Rewind, and remember whether the network draws random numbers outside torch."""
        try:
            self.rewind()
        finally:
            if self._outside is not None:
                self._draws[self.network.training] = self._drawn or self._draws.get(
                    self.network.training, False
                )

    def _look(self, value: Any, depth: int) -> None:
        if isinstance(value, Tensor):
            if not value.is_inference():
                self._tensors.append((value, value._version))
        elif (state := _state(value)) is not None:
            self._generators.append((value, state))
        elif isinstance(value, list | dict | set | deque) and depth:
            self._contents.append((value, value.copy()))
            if not isinstance(value, set) and len(value) < 1000:
                for each in list(value.values()) if isinstance(value, dict) else list(value):
                    self._look(each, depth - 1)


@contextmanager
def visiting(network: nn.Module, foreign: Sequence[Tensor] = ()) -> Iterator[Visit]:
    """The forward passes within begin alike, and nothing of them is left afterwards.

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
    visit = Visit(bare(network), foreign)
    _NOW.append(visit)
    try:
        yield visit
    finally:
        _NOW.pop()
        visit.close()


@contextmanager
def each_pass(network: nn.Module) -> Iterator[None]:
    """One of a visit's forward passes, begun where the visit began; a visit of its own where there is none."""
    if _NOW and _NOW[-1].network is network:
        _NOW[-1].rewind()
        yield
    else:
        with visiting(network):
            yield


def once(key: Any, function: Callable[[], Any]) -> Any:
    """What a function of things that do not change during a visit returns, computed once in it."""
    if not _NOW:
        return function()
    notes = _NOW[-1].notes
    if key not in notes:
        notes[key] = function()
    return notes[key]


def foreign_parameters() -> list[Tensor]:
    """Parameters outside the network that the optimiser of the present visit moves."""
    return _NOW[-1].foreign if _NOW else []


def _keeps_attributes(module: nn.Module) -> bool:
    kind = type(module)
    return not kind.__module__.startswith("torch.nn.modules") and not isinstance(
        module, torch.jit.ScriptModule
    )


def _refill(container: Any, content: Any) -> None:
    if isinstance(container, dict):
        same = len(container) == len(content) and all(
            k in content and v is content[k] for k, v in container.items()
        )
    elif isinstance(container, set):
        same = container == content
    else:
        same = len(container) == len(content) and all(a is b for a, b in zip(container, content, strict=True))
    if same:
        return
    container.clear()
    (container.update if isinstance(container, dict | set) else container.extend)(content)


def _state(generator: Any) -> Any:
    """The state of a random generator that a module keeps; None of anything else."""
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


def _restore(generator: Any, state: Any) -> None:
    if isinstance(generator, random.Random):
        generator.setstate(state)
    elif hasattr(generator, "bit_generator"):
        generator.bit_generator.state = state
    else:
        generator.set_state(state)


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
