"""The training loss and the main task's loss as functions of what the network puts out and a reading."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from auxin.api._reading import Call, Reading
from auxin.api._shared import SharedParameters
from auxin.api._task_losses import Entry, Loss, entry, fitted, labelled, mean
from auxin.combiners._base import Combiner, TaskLosses
from auxin.combiners._screen import imbalanced, screen
from auxin.errors import ConfigError, message
from auxin.labelers._base import Labeler, Targets, by_task
from auxin.typing import Batch


class Runner(nn.Module):
    """The user's network as a function of the calls of a reading, to outputs by task.

    Args:
        network: the network itself, without wrappers.
        pick: from what it puts out to outputs by task.
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


class Objective:
    """L_T and L_A.

    Attributes:
        tasks: the tasks or loss functions, main first.
        combiner: many losses to one.
        labeler: makes the targets of the task named `labels`, or None.
        gramian: of the tasks' gradients at the last training batch, where the combiner looks at them.
        said: the warnings that have been given, each once.
    """

    def __init__(self, tasks: Mapping[str, Loss], combiner: Combiner, labeler: Labeler | None) -> None:
        self.tasks, self.combiner, self.labeler = dict(tasks), combiner, labeler
        self.names = tuple(self.tasks)
        self.gramian: Tensor | None = None
        self.said: set[str] = set()

    def phi(self) -> list[nn.Parameter]:
        """What the hypergradient trains: the combiner's parameters and the labeler's."""
        own = list(self.labeler.parameters()) if self.labeler is not None and self.labeler.learned else []
        return [p for p in [*self.combiner.phi(), *own] if p.requires_grad]

    def entries(self, signals: Mapping[str, Any], reading: Reading, context: Targets | None) -> list[Entry]:
        """Each task's losses."""
        targets = {**reading.targets, **by_task(context)}
        images = self.combiner.needs_images
        return [entry(k, t, signals.get(k), targets.get(k), images) for k, t in self.tasks.items()]

    def losses(self, entries: Sequence[Entry]) -> TaskLosses:
        """The losses as combiners see them; an auxiliary whose loss is not finite is left out, and named once.

        Raises:
            RunError: the main task's loss is not finite.
        """
        values, present = fitted(entries)
        losses, dropped = screen(values, present, self.names)
        for name in dropped:
            self.say(f"The loss of {name!r} is not finite; the task is left out of such batches.")
        return losses

    def combined(self, losses: TaskLosses, *, constant: bool = False) -> Tensor:
        """The tasks' losses as one; with `constant` the combiner's parameters get no gradient."""
        arguments: tuple[Any, ...] = (losses,)
        if self.combiner.needs_gramian:
            if self.gramian is None:
                raise ConfigError(message("This combiner looks at gradients", do="Train on a batch first."))
            arguments = (losses, self.gramian.to(losses.values))
        if not constant:
            return self.combiner(*arguments)
        fixed = {name: p.detach() for name, p in self.combiner.named_parameters()}
        return functional_call(self.combiner, fixed, arguments)

    def look(self, entries: Sequence[Entry], losses: TaskLosses, shared: SharedParameters) -> None:
        """Keep the Gramian of the tasks' gradients, where the combiner looks at them."""
        if self.combiner.needs_gramian:
            seen = losses.seen().tolist()
            means = [mean(*e) if there else None for e, there in zip(entries, seen, strict=True)]
            self.gramian = shared.gramian(means).detach()

    def training(self, signals: Any, reading: Reading, context: Targets | None = None) -> Tensor:
        """L_T of a batch, differentiable in phi."""
        return self.combined(self.losses(self.entries(signals, reading, context)))

    def outer(self, signals: Any, reading: Reading) -> Tensor:
        """L_A: the main task's mean loss over the rows that carry its label."""
        main = self.names[0]
        return mean(*entry(main, self.tasks[main], signals.get(main), reading.targets.get(main)))

    def has_main(self, reading: Reading) -> bool:
        """Whether any row carries the main label."""
        target = reading.targets.get(self.names[0])
        present = None if target is None else labelled(self.tasks[self.names[0]], target)
        return target is not None and (present is None or bool(present.any()))

    def context(self, reading: Reading) -> Targets | None:
        """The generated targets, or None without a labeler."""
        if self.labeler is None:
            return None
        main = self.names[0]
        call = next((c for c in reading.calls if c.part in (None, main)), None)
        if call is None or not call.args or main not in reading.targets:
            return None
        x, y = call.args[0], reading.targets[main]
        return self.labeler(Batch(x, {main: y.to(x.device)}, torch.full((len(y),), -1, device=x.device)))

    def regulariser(self, context: Targets | None) -> Tensor | None:
        """The labeler's own terms (the entropy of its labels, the norm of its weights)."""
        if self.labeler is None or context is None:
            return None
        terms = [t for t in (self.labeler.regulariser(context), self.labeler.penalty()) if t is not None]
        return torch.stack(terms).sum() if terms else None

    def compare_scales(self, means: Tensor) -> None:
        """Warn of an auxiliary loss a hundred times larger or smaller than the main one, once for each."""
        for sentence in imbalanced(means, self.names):
            self.say(sentence, key=sentence.split("'")[1])

    def say(self, text: str, key: str | None = None) -> None:
        """Warn, once."""
        if (key or text) not in self.said:
            self.said.add(key or text)
            warnings.warn(text, RuntimeWarning, stacklevel=4)
