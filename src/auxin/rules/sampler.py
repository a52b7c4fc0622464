"""Draws groups of tasks: which families, how many classes, which networks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from auxin.catalogue import unknown
from auxin.errors import ConfigError
from auxin.rules.tasks import TaskExamples, TaskFamily, TaskGroup, choice, permuted
from auxin.rules.tasks_procedural import PROCEDURAL

T = TypeVar("T")
DEFAULT_MIX = {"strokes": 0.5, "textures": 0.3, "mixtures": 0.2}


class NetworkShape(NamedTuple):
    """The base networks of a group: widths, inputs first and embedding last, and the hidden units' activation."""

    widths: tuple[int, ...]
    activation: str


@dataclass(slots=True, eq=False)
class TaskSampler:
    """A distribution over groups of tasks and base networks.

    Args:
        mix: Weight of each task family, by name: a procedural one, or one of `arrays`.
        arrays: Task families over data in memory, by name (`ArrayFamily`).
        side: Images are side x side; every task has side^2 inputs.
        classes: The numbers of classes a group may have.
        kinds: The numbers of kinds of rows that a group's unlabelled rows may be of; where that is more than
            the classes, the other kinds never have labels, and each kind has fewer rows. 0: the classes.
        hidden: The hidden layers a group may have, e.g. ((), (32,), (64, 64)).
        activations: What a group's hidden units may compute, e.g. ("relu", "tanh").
        embedding: Width of the top layer.
        per_class: unlabelled examples per class.
        held: labelled examples per class.
        extra: Whether the augmentation's parameters are further targets.

    >>> sampler = TaskSampler(classes=(3,), per_class=8, held=4)
    >>> group, shape = sampler.draw(2, torch.Generator().manual_seed(0))
    >>> tuple(group.x.shape), shape.widths[0], shape.widths[-1], shape.activation
    ((2, 3, 12, 64), 64, 16, 'relu')
    """

    mix: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_MIX))
    arrays: dict[str, TaskFamily] = field(default_factory=dict)
    side: int = 8
    classes: Sequence[int] = (10,)
    kinds: Sequence[int] = (0,)
    hidden: Sequence[Sequence[int]] = ((), (32,), (64,), (64,))
    activations: Sequence[str] = ("relu",)
    embedding: int = 16
    per_class: int = 64
    held: int = 24
    extra: bool = False

    def __post_init__(self) -> None:
        """Refuse an unknown family or an empty mix."""
        for name in self.mix:
            self._family(name)
        if not self.mix or min(self.mix.values()) < 0 or sum(self.mix.values()) <= 0:
            raise ConfigError("The mix of tasks is empty", expected="positive weights by family")

    def add(self, name: str, family: TaskFamily, weight: float) -> None:
        """Take up a new family (data that arrived while meta-training goes on)."""
        self.arrays[name] = family
        self.mix = {**self.mix, name: weight}

    def draw(self, tasks: int, generator: torch.Generator) -> tuple[TaskGroup, NetworkShape]:
        """T tasks of one shape, and their base networks."""
        classes = self.classes[choice(generator, len(self.classes))]
        hidden = self.hidden[choice(generator, len(self.hidden))]
        kinds, activation = _one(self.kinds, generator), _one(self.activations, generator)
        names = list(self.mix)
        weights = torch.tensor([float(self.mix[n]) for n in names])
        found = [
            self._task(names[choice(generator, len(names), weights)], classes, max(kinds, classes), generator)
            for _ in range(tasks)
        ]
        group = TaskGroup(
            torch.stack([f.x for f in found]),
            _padded([f.extra for f in found], self.extra),
            self.held,
            classes,
        )
        return group, NetworkShape((self.side**2, *hidden, self.embedding), activation)

    def _family(self, name: str) -> TaskFamily:
        known = {**PROCEDURAL, **self.arrays}
        if name not in known:
            raise ConfigError(unknown("task family", name, sorted(known)))
        return known[name]

    def _task(self, name: str, classes: int, kinds: int, generator: torch.Generator) -> TaskExamples:
        unlabelled = max(1, self.per_class * classes // kinds)
        found = self._family(name)(generator, kinds, unlabelled + self.held, self.side)
        order = torch.randperm(found.x.shape[1], generator=generator)
        return TaskExamples(permuted(found.x[:, order], generator), found.extra[:, order])


def _one(options: Sequence[T], generator: torch.Generator) -> T:
    return options[choice(generator, len(options))] if len(options) > 1 else options[0]


def _padded(extras: list[Tensor], wanted: bool) -> Tensor:
    """Extra targets of one width, standardised per task (those a task lacks are zero)."""
    width = max(e.shape[-1] for e in extras) if wanted else 0
    found = []
    for e in extras:
        e = e[..., :width]
        e = (e - e.mean((0, 1))) / (e.std((0, 1)) + 1e-6) / math.sqrt(max(width, 1)) if e.shape[-1] else e
        found.append(torch.cat([e, e.new_zeros(*e.shape[:2], width - e.shape[-1])], -1))
    return torch.stack(found)
