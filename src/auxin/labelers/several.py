"""Several learned auxiliaries at once, each a labeler of its own with a task and a head of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from auxin import catalogue
from auxin.errors import ConfigError, message
from auxin.labelers._seeding import fork_seed
from auxin.labelers.base import Labeler, LabelerContext, Targets, by_task
from auxin.math.hierarchy import Hierarchy
from auxin.paper import AUXILEARN
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.tasks.dense_classes import DenseClasses
from auxin.typing import Batch


class SeveralLabelers(Labeler):
    """The targets of labelers side by side, under the names labels1, labels2, ...

    Navon et al. 2021, section 3.3, learn one auxiliary task; this learns several, weighed by the combiner on
    top. Every member has a seed of its own, so two of the same kind begin differently.

    Args:
        members: Labelers whose targets are returned together.

    Raises:
        ConfigError: No member, one that is unknown or holds several itself, or as many psi as do not fit.

    >>> from auxin.labelers.random import Random
    >>> x, y, rows = torch.zeros(2, 1), torch.tensor([0, 1]), torch.arange(2)
    >>> context = LabelerContext("y", Hierarchy((2, 2)), x, {"y": y}, rows, nn.Identity, seed=0)
    >>> made = SeveralLabelers.build(context, members="random+random", psi="2+3")(Batch(x, {"y": y}, rows))
    >>> {name: tuple(targets.shape) for name, targets in made.items()}
    {'labels1': (2, 4), 'labels2': (2, 6)}
    """

    learned = True
    paper = replace(AUXILEARN, place="section 3.3")

    def __init__(self, members: Sequence[Labeler]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.classes = sum(member.classes for member in members)

    @classmethod
    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, context: LabelerContext, *, members: str = "auxilearn+auxilearn_vector", psi: str = ""
    ) -> "SeveralLabelers":
        """Make the members, each by its defaults.

        Args:
            context: The training rows, the hierarchy, the trunk, the seed.
            members: Their names, separated by "+".
            psi: Auxiliary classes per main class for each member, separated by "+"; the context's where empty.
        """
        names = [name.strip() for name in members.split("+") if name.strip()]
        if not names or "several" in names:
            expected = "labelers that each make one task, such as auxilearn+maxl"
            raise ConfigError("The members are not usable", expected=expected, found=repr(members))
        made = []
        kind = DenseClasses if context.y[context.main].dim() > 1 else Classes
        for place, (name, own) in enumerate(zip(names, _hierarchies(context, psi, len(names)), strict=True)):
            seed = fork_seed(context.seed, f"several/{place}")
            catalogue.check_choice("labeler", name, catalogue.names("labelers"))
            member = catalogue.load("labelers", name)
            if (reason := member.why_not(kind(context.main, max(2, own.primary)))) is not None:
                raise ConfigError(message(f"{name} cannot be one of several labelers here: {reason}"))
            made.append(member.build(replace(context, hierarchy=own, seed=seed)))
        return cls(made)

    @classmethod
    def why_not(cls, main: Task) -> str | None:
        """A main task of classes, dense or not; the members are asked when they are made."""
        return None if isinstance(main, DenseClasses) else super().why_not(main)

    def named(self) -> dict[str, Labeler]:
        """The members by the names of their tasks."""
        found: dict[str, Labeler] = {}
        for place, member in enumerate(self.members, 1):
            assert isinstance(member, Labeler)
            found[f"labels{place}"] = member
        return found

    def tasks(self, loss: str = "cross_entropy") -> dict[str, Task]:
        """A task for each member."""
        found = {}
        for name, member in self.named().items():
            (task,) = member.tasks(loss).values()
            task.name = name
            found[name] = task
        return found

    def forward(self, batch: Batch) -> Mapping[str, Tensor]:
        """Each member's targets, by task."""
        return {name: member(batch) for name, member in self.named().items()}

    def regulariser(self, targets: Targets) -> Tensor | None:
        """The sum of the members' own."""
        made, named = by_task(targets), self.named()
        return _sum([named[name].regulariser(own) for name, own in made.items()])

    def penalty(self) -> Tensor | None:
        """The sum of the members' own."""
        return _sum([member.penalty() for member in self.named().values()])


def _hierarchies(context: LabelerContext, psi: str, count: int) -> list[Hierarchy]:
    if not psi:
        return [context.hierarchy] * count
    sizes = psi.split("+")
    if len(sizes) != count or not all(size.strip().isdigit() for size in sizes):
        raise ConfigError(
            "psi does not fit the members", expected=f"{count} numbers, such as 5+3", found=repr(psi)
        )
    return [Hierarchy.uniform(context.hierarchy.primary, int(size)) for size in sizes]


def _sum(terms: Sequence[Tensor | None]) -> Tensor | None:
    known = [term for term in terms if term is not None]
    return torch.stack(known).sum() if known else None
