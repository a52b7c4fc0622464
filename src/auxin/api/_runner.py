"""The user's network as a function of the calls of a reading, to outputs by task."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from auxin.api._reading import Call


class Runner(nn.Module):
    """The user's network as a function of the calls of a reading, to outputs by task.

    Args:
        network: The network itself, without wrappers.
        pick: Function from its outputs to outputs by task.
    """

    def __init__(self, network: nn.Module, pick: Callable[[Any, str | None], dict[str, Any]]) -> None:
        super().__init__()
        self.network, self.pick = network, pick

    def forward(self, calls: Sequence[Call]) -> dict[str, Any]:
        """Outputs by task."""
        signals: dict[str, Any] = {}
        for call in calls:
            signals.update(self.pick(self.network(*call.args, **call.kwargs), call.part))
        return signals
