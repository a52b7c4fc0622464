"""The persistent pools of a rule's meta-training: groups of base networks of unlike age."""

import random
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from auxin.rules.sampler import TaskSampler
from auxin.rules.tasks import FewShot, TaskGroup, log_uniform
from auxin.update_rules.base import State, UpdateRule


def derived_seed(*parts: object) -> int:
    """A seed that depends on all parts and on nothing else (no process, no order of calls).

    >>> derived_seed(0, "pool", 1) == derived_seed(0, "pool", 1) != derived_seed(0, "pool", 2)
    True
    """
    return random.Random("/".join(map(str, parts))).getrandbits(62)


@dataclass(slots=True, eq=False)
class Pool:
    """One group of T base networks and tasks, between truncations.

    Attributes:
        number: Which pool this is, over all processes.
        life: How many groups this pool has had.
        length: inner steps after which the group is replaced.
        state: The networks.
        activation: Activation of their hidden units.
        tasks: The tasks.
        generator: draws batches and labelled examples.
    """

    number: int
    life: int
    length: int
    state: State
    activation: str
    tasks: TaskGroup
    generator: torch.Generator

    def unlabelled(self, batch: int) -> Tensor:
        """The next unlabelled batch, [T, B, D]."""
        return self.tasks.unlabelled(batch, self.generator)

    def few_shot(self, shots: int) -> FewShot:
        """The next labelled draw."""
        return self.tasks.few_shot(shots, self.generator)

    def saved(self) -> dict[str, Any]:
        """All that a resumed run needs; the tasks are drawn again from the seed."""
        return {
            "number": self.number,
            "life": self.life,
            "length": self.length,
            "age": self.state.age,
            "state": [t.clone() for t in self.state.tensors()],
            "generator": self.generator.get_state(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class PoolMaker:
    """Makes the groups of a pool, each a function of (seed, pool number, life) alone.

    Args:
        sampler: The distribution of tasks and networks.
        seed: The run's seed.
        tasks: T, networks per group.
        length: The shortest and longest life of a group in inner steps, log-uniform between.
        device: Where groups live.
    """

    sampler: TaskSampler
    seed: int
    tasks: int
    length: tuple[int, int]
    device: str

    def fresh(self, rule: UpdateRule, number: int, life: int) -> Pool:
        """The group of this pool and life, at age 0."""
        generator = torch.Generator().manual_seed(derived_seed(self.seed, "pool", number, life))
        tasks, shape = self.sampler.draw(self.tasks, generator)
        state = rule.init_state(shape.widths, self.tasks, generator)
        length = round(log_uniform(generator, *self.length))
        placed = state.to(self.device), shape.activation, tasks.to(self.device)
        return Pool(number, life, length, *placed, generator)

    def restored(self, rule: UpdateRule, saved: dict[str, Any]) -> Pool:
        """The group as it was saved."""
        pool = self.fresh(rule, saved["number"], saved["life"])
        tensors = [t.to(self.device) for t in saved["state"]]
        pool.state = pool.state.with_tensors(tensors, saved["age"])
        pool.length = saved["length"]
        pool.generator.set_state(saved["generator"])
        return pool
