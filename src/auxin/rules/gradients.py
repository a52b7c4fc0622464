"""Meta-gradients of a learned update rule: truncated back-propagation, or persistent evolution strategies."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from auxin.rules.objective import FeatureLoss, meta_loss
from auxin.rules.pool import Pool
from auxin.rules.tasks import FewShot
from auxin.update_rules.base import State, UpdateRule


@dataclass(frozen=True, slots=True, eq=False)
class MetaGradient:
    """One truncation's result: the mean objective, its gradient by parameter, and the state it ended in."""

    loss: float
    gradient: list[Tensor]
    state: State

    def finite(self) -> bool:
        """Whether every number is finite."""
        return all(bool(torch.isfinite(g).all()) for g in self.gradient) and self.loss == self.loss


class PoolEstimator(Protocol):
    """Advances a pool by `steps` and estimates d(objective) / d(theta) on the way."""

    def __call__(self, rule: UpdateRule, pool: Pool, steps: int) -> MetaGradient:
        """The pool's next truncation."""
        ...

    def forget(self, number: int) -> None:
        """The pool of this number begins a new group."""
        ...


@dataclass(slots=True, eq=False)
class TruncatedGradient:
    """Back-propagation through the truncation.

    Args:
        objective: What features are judged by.
        batch: unlabelled examples per inner step.
        shots: labelled examples per class in support and in query.
        every_state: The objective at every unrolled state (the paper), or at the last one only (cheaper).
        recompute: Keep only the states between steps and compute each step again on the way back: the
            memory of one step instead of `steps`.
    """

    objective: FeatureLoss
    batch: int = 32
    shots: int = 5
    every_state: bool = False
    recompute: bool = False

    def __call__(self, rule: UpdateRule, pool: Pool, steps: int) -> MetaGradient:
        """The mean objective over the truncation's judged states, and its gradient."""
        parameters = list(rule.parameters())
        with torch.enable_grad():
            losses, state = self.unrolled(rule, pool, steps)
            loss = torch.stack(losses).mean()
            gradient = torch.autograd.grad(loss, parameters, allow_unused=True)
        filled = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradient, strict=True)]
        return MetaGradient(float(loss.detach()), filled, state.detach())

    def unrolled(self, rule: UpdateRule, pool: Pool, steps: int) -> tuple[list[Tensor], State]:
        """The objectives on the way and the last state."""
        state, losses = pool.state, []
        for number in range(1, steps + 1):
            x = pool.unlabelled(self.batch)
            if self.recompute:
                state = self._recomputed(rule, state, x, pool.activation)
            else:
                state = rule.step(state, x, pool.activation)
            if self.every_state or number == steps:
                losses.append(_judged(self.objective, rule, state, pool.few_shot(self.shots), pool))
        return losses, state

    def _recomputed(self, rule: UpdateRule, state: State, x: Tensor, activation: str) -> State:
        def step(*tensors: Tensor) -> tuple[Tensor, ...]:
            return tuple(rule.step(state.with_tensors(tensors), x, activation).tensors())

        tensors = checkpoint(step, *state.tensors(), use_reentrant=False, preserve_rng_state=False)
        return state.with_tensors(tensors, state.age + 1)  # type: ignore[arg-type]

    def forget(self, number: int) -> None:
        """Nothing is kept between truncations."""
        del number


@dataclass(slots=True, eq=False)
class _AntitheticPair:
    """One antithetic pair: a state on either side, and the sum of the perturbations since the group began."""

    plus: State
    minus: State
    total: list[Tensor]


@dataclass(slots=True, eq=False)
class PersistentES:
    """Persistent evolution strategies (Vicol, Metz, Sohl-Dickstein 2021): unbiased, no backward pass.

    Each antithetic pair keeps its own states; gradient = mean over pairs of (L+ - L-) / (2 sigma^2) * the sum of
    the pair's perturbations since its group began.

    Args:
        objective, batch, shots: As in `TruncatedGradient`; both halves of a pair see the same draws.
        sigma: standard deviation of a perturbation.
        pairs: antithetic pairs per group.
        seed: Seed of the perturbations.
    """

    objective: FeatureLoss
    batch: int = 32
    shots: int = 5
    sigma: float = 0.01
    pairs: int = 4
    seed: int = 0
    particles: dict[int, list[_AntitheticPair]] = field(default_factory=dict)
    generator: torch.Generator = field(default_factory=torch.Generator)

    def __post_init__(self) -> None:
        """Seed the perturbations."""
        self.generator.manual_seed(self.seed)

    def __call__(self, rule: UpdateRule, pool: Pool, steps: int) -> MetaGradient:
        """The mean objective over the pairs, and the estimate."""
        parameters = list(rule.parameters())
        if pool.number not in self.particles:
            self.particles[pool.number] = [
                _AntitheticPair(pool.state, pool.state, [torch.zeros_like(p) for p in parameters])
                for _ in range(self.pairs)
            ]
        held = self.particles[pool.number]
        batches = [pool.unlabelled(self.batch) for _ in range(steps)]
        draw = pool.few_shot(self.shots)
        gradient, mean = [torch.zeros_like(p) for p in parameters], 0.0
        with torch.no_grad():
            for particle in held:
                noise = [
                    self.sigma * torch.randn(p.shape, generator=self.generator).to(p) for p in parameters
                ]
                losses = []
                for sign in (1.0, -1.0):
                    _shift(parameters, noise, sign)
                    state = particle.plus if sign > 0 else particle.minus
                    for x in batches:
                        state = rule.step(state, x, pool.activation)
                    losses.append(float(_judged(self.objective, rule, state, draw, pool)))
                    _shift(parameters, noise, -sign)
                    if sign > 0:
                        particle.plus = state
                    else:
                        particle.minus = state
                particle.total = [a + b for a, b in zip(particle.total, noise, strict=True)]
                slope = (losses[0] - losses[1]) / (2 * self.sigma**2 * len(held))
                gradient = [g + slope * t for g, t in zip(gradient, particle.total, strict=True)]
                mean += sum(losses) / (2 * len(held))
        state = pool.state.with_tensors(pool.state.tensors(), pool.state.age + steps)
        return MetaGradient(mean, gradient, state)

    def forget(self, number: int) -> None:
        """The pool's group was replaced: begin anew."""
        self.particles.pop(number, None)


def _judged(objective: FeatureLoss, rule: UpdateRule, state: State, draw: FewShot, pool: Pool) -> Tensor:
    return meta_loss(rule, state, draw, objective=objective, activation=pool.activation).mean()


def _shift(parameters: Sequence[Tensor], noise: Sequence[Tensor], sign: float) -> None:
    for p, n in zip(parameters, noise, strict=True):
        p.add_(n, alpha=sign)
