"""Meta-training of a learned update rule: staggered pools, truncations, Adam, an averaged rule.

Every draw is a function of (seed, pool, life) or (seed, update), so a resumed run repeats bit for bit and
several processes do what one would.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from auxin.errors import ConfigError, RunError
from auxin.optimizers import spare_compiler
from auxin.rules.gradients import PoolEstimator
from auxin.rules.pool import Pool, PoolMaker, derived_seed
from auxin.rules.sampler import TaskSampler
from auxin.training.processes import place
from auxin.update_rules.base import UpdateRule


@dataclass(frozen=True, slots=True)
class MetaUpdate:
    """What one meta-update did: its number, the objective (NaN if every group was dropped), counts."""

    update: int
    loss: float
    dropped: int
    rate: float


class MetaTrainer:
    """Meta-trains a rule.

    Args:
        rule: theta is changed in place.
        sampler: Tasks and networks.
        estimator: How meta-gradients are made.
        updates: meta-updates of the whole run; the learning rate's schedule depends on it.
        seed: Seed of everything random.
        pools: groups that live at the same time, over all processes.
        groups: groups whose gradients are averaged in one update, over all processes.
        tasks: networks per group.
        truncation: fewest and most inner steps per truncation.
        length: shortest and longest life of a group in inner steps, log-uniform between.
        rate: Adam's learning rate: 20 updates of warm-up, flat to half time, cosine to 5 %.
        clip: Largest norm of the meta-gradient.
        decay: Decay of the running average of theta (`averaged` is what should be kept).
        sparsity: Weight of the L1 norm of the merge coefficients, for a rule that can be read.
        device: Where to compute.
        on_reset: Called before a pool draws new tasks; the place to add data that arrived.

    Raises:
        ConfigError: Settings that contradict each other.
    """

    def __init__(
        self,
        rule: UpdateRule,
        sampler: TaskSampler,
        estimator: PoolEstimator,
        *,
        updates: int = 1200,
        seed: int = 0,
        pools: int = 4,
        groups: int = 1,
        tasks: int = 6,
        truncation: tuple[int, int] = (4, 9),
        length: tuple[int, int] = (10, 100),
        rate: float = 5e-3,
        clip: float = 1.0,
        decay: float = 0.98,
        sparsity: float = 0.0,
        device: str = "cpu",
        on_reset: Callable[[TaskSampler], None] | None = None,
    ) -> None:
        _check(updates, pools, groups, truncation, length)
        self.rule, self.estimator = rule.to(device), estimator
        self.maker = PoolMaker(sampler, seed, tasks, length, device)
        self.updates, self.seed, self.groups = updates, seed, groups
        self.truncation, self.rate, self.clip, self.decay = truncation, rate, clip, decay
        self.sparsity, self.on_reset = sparsity, on_reset
        self.process, self.processes = place()
        self.pool_count = pools
        self.update = 0
        self.dropped = 0
        spare_compiler()
        self.adam = torch.optim.Adam(rule.parameters(), lr=rate)
        self.average = [p.detach().clone() for p in rule.parameters()]
        own = range(self.process, pools, self.processes)
        self.pools = {number: self.maker.fresh(rule, number, 0) for number in own}

    def run(self, updates: int | None = None) -> Iterator[MetaUpdate]:
        """Meta-update until the end, or for this many updates; yields after each.

        Raises:
            RunError: fifty updates in a row had no finite gradient.
        """
        last = self.updates if updates is None else min(self.update + updates, self.updates)
        empty = 0
        while self.update < last:
            progress = self._update()
            empty = empty + 1 if math.isnan(progress.loss) else 0
            if empty >= 50:
                raise RunError(
                    "Meta-training diverged",
                    found="50 updates without a finite gradient",
                    do="Lower the rate",
                )
            yield progress

    def _update(self) -> MetaUpdate:
        numbers = [(self.update * self.groups + i) % self.pool_count for i in range(self.groups)]
        low, high = self.truncation
        steps = low + derived_seed(self.seed, "steps", self.update) % (high - low + 1)
        parameters = list(self.rule.parameters())
        total = [torch.zeros_like(p) for p in parameters]
        tally = torch.zeros(3, dtype=torch.float64)  # loss, finite groups, dropped groups
        for number in numbers:
            if number in self.pools:
                self._advance(self.pools[number], steps, total, tally)
        if self.processes > 1:
            for part in (*total, tally):
                dist.all_reduce(part)
        finite = float(tally[1])
        self.dropped += int(tally[2])
        if finite:
            self._apply([g / finite for g in total])
        loss = float(tally[0]) / finite if finite else math.nan
        self.update += 1
        return MetaUpdate(self.update, loss, self.dropped, self.adam.param_groups[0]["lr"])

    def _advance(self, pool: Pool, steps: int, total: list[Tensor], tally: Tensor) -> None:
        found = self.estimator(self.rule, pool, steps)
        good = found.finite() and all(bool(torch.isfinite(t).all()) for t in found.state.tensors())
        if good:
            for a, b in zip(total, found.gradient, strict=True):
                a += b
            tally += torch.tensor([found.loss, 1.0, 0.0], dtype=torch.float64)
            pool.state = found.state
        else:
            tally[2] += 1
        if not good or pool.state.age >= pool.length:
            if self.on_reset is not None:
                self.on_reset(self.maker.sampler)
            self.estimator.forget(pool.number)
            self.pools[pool.number] = self.maker.fresh(self.rule, pool.number, pool.life + 1)

    def _apply(self, gradient: list[Tensor]) -> None:
        parameters = list(self.rule.parameters())
        for p, g in zip(parameters, gradient, strict=True):
            p.grad = g
        torch.nn.utils.clip_grad_norm_(parameters, self.clip)
        alpha = dict(self.rule.named_parameters()).get("weight_update.alpha")
        if self.sparsity and alpha is not None and alpha.grad is not None:
            alpha.grad = alpha.grad + self.sparsity * alpha.detach().sign()
        self.adam.param_groups[0]["lr"] = self.rate * schedule(self.update, self.updates)
        self.adam.step()
        self.adam.zero_grad()
        for a, p in zip(self.average, parameters, strict=True):
            a.lerp_(p.detach(), 1 - self.decay)

    @contextmanager
    def averaged(self) -> Iterator[UpdateRule]:
        """The rule with the running average of theta in place, inside a `with`."""
        parameters = list(self.rule.parameters())
        current = [p.detach().clone() for p in parameters]
        _fill(parameters, self.average)
        try:
            yield self.rule
        finally:
            _fill(parameters, current)

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs to go on exactly. Persistent ES keeps states that are not saved here."""
        return {
            "update": self.update,
            "dropped": self.dropped,
            "rule": {k: v.clone() for k, v in self.rule.state_dict().items()},
            "average": [a.clone() for a in self.average],
            "adam": self.adam.state_dict(),
            "pools": [pool.saved() for pool in self.pools.values()],
            "seed": self.seed,
            "updates": self.updates,
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            RunError: It belongs to a run with another seed, length or number of pools.
        """
        if (saved["seed"], saved["updates"]) != (self.seed, self.updates):
            raise RunError(
                "The saved meta-training is of another run",
                expected=f"seed {self.seed}, {self.updates} updates",
                found=f"seed {saved['seed']}, {saved['updates']} updates",
            )
        self.update, self.dropped = saved["update"], saved["dropped"]
        self.rule.load_state_dict(saved["rule"])
        _fill(self.average, saved["average"])
        self.adam.load_state_dict(saved["adam"])
        self.pools = {p["number"]: self.maker.restored(self.rule, p) for p in saved["pools"]}


def schedule(update: int, updates: int) -> float:
    """The learning rate's factor: 20 updates of linear warm-up, flat to half time, then a cosine to 0.05.

    >>> [round(schedule(u, 1000), 3) for u in (0, 19, 400, 750, 1000)]
    [0.05, 1.0, 1.0, 0.525, 0.05]
    """
    warm = min(1.0, (update + 1) / 20)
    late = max(0.0, update / updates - 0.5) * 2
    return warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * late)))


def _fill(targets: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for t, v in zip(targets, values, strict=True):
            t.copy_(v)


def _check(
    updates: int, pools: int, groups: int, truncation: tuple[int, int], length: tuple[int, int]
) -> None:
    wrong = ""
    if updates < 1 or pools < 1:
        wrong = f"updates {updates}, pools {pools}"
    elif not 1 <= groups <= pools:
        wrong = f"groups {groups} of {pools} pools"
    elif not 1 <= truncation[0] <= truncation[1]:
        wrong = f"truncation {truncation}"
    elif not 1 <= length[0] <= length[1]:
        wrong = f"length {length}"
    if wrong:
        raise ConfigError("Meta-training cannot be set up like this", found=wrong)
