"""The user's network as a function of the calls of a reading, to outputs by task."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from auxin.api._reading import Call

_CHANGED = (
    "Between the loss and `after_step` {} of the network was changed. A meta step takes the network as it was at the "
    "loss, as the next training step would."
)


class Runner(nn.Module):
    """The user's network as a function of the calls of a reading, to outputs by task.

    Args:
        network: The network itself, without wrappers.
        pick: Function from its outputs to outputs by task.
    """

    def __init__(self, network: nn.Module, pick: Callable[[Any, str | None], dict[str, Any]]) -> None:
        super().__init__()
        self.network, self.pick = network, pick
        self._noted: list[tuple[nn.Module | Tensor, str, bool]] = []

    def forward(self, calls: Sequence[Call]) -> dict[str, Any]:
        """Outputs by task."""
        signals: dict[str, Any] = {}
        for call in calls:
            signals.update(self.pick(self.network(*call.args, **call.kwargs), call.part))
        return signals

    def note(self) -> None:
        """Note which parts are in training mode, and which parameters are trained."""
        self._noted = [(part, "training", part.training) for part in self.network.modules()]
        self._noted += [(p, "requires_grad", p.requires_grad) for p in self.network.parameters()]

    @contextmanager
    def as_noted(self, notify: Callable[[str], None]) -> Iterator[None]:
        """Within, modes and frozen parameters are those noted; a difference is told.

        An evaluation may have left `eval()` on, and parameters may be frozen inside the training step alone.
        """
        now = [(thing, name, getattr(thing, name)) for thing, name, _ in self._noted]
        other = {name for (_, name, was), (*_, value) in zip(self._noted, now, strict=True) if was != value}
        for words in sorted(other):
            notify(_CHANGED.format(f"`{words}`"))
        try:
            for thing, name, value in self._noted if other else ():
                setattr(thing, name, value)
            yield
        finally:
            for thing, name, value in now if other else ():
                setattr(thing, name, value)
