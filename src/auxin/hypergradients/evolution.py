"""Evolution strategies over phi, and persistent ones for long unrolls: forward passes only, unbiased, noisy.

With eps ~ N(0, sigma^2 I) in antithetic pairs, F the outer loss after T inner steps, xi the sum of a
particle's perturbations since its unroll began (persistent), or its last one (not):

    dL_A/dphi ~ mean over pairs of  xi (F(phi + eps) - F(phi - eps)) / (2 sigma^2)

The part R that depends on phi directly is differentiated by autograd.
"""

from typing import Any

import torch
from torch import Tensor

from auxin.errors import ConfigError
from auxin.hypergradients._outer import combined
from auxin.hypergradients._unroll import Iterate, batches_of, begin, direct, moved, needed, window
from auxin.hypergradients.base import BilevelProblem, Estimator, Hypergradient, TrainingGradient
from auxin.math.functional import save_rng, under_rng
from auxin.math.params import Vector, axpy, zeros
from auxin.math.params import scale as scaled
from auxin.optimizers import InnerStep


class Evolution(Estimator):
    """The gradient of the outer loss smoothed over phi, from differences of whole unrolls.

    Vicol, Metz, Sohl-Dickstein 2021, algorithm 2. Not persistent: every call unrolls T steps from the
    network's own
    parameters. Persistent: the particles keep unrolls of their own from call to call (T steps each), so
    that a long unroll is seen in short windows without truncation bias; they begin at the network's
    parameters, and begin again after `horizon` windows. A pair shares its batches and random numbers. 2 N T
    gradients per call.

    Args:
        steps: Number T of steps if `train` is one batch (for a list of batches T is its length).
        pairs: Number N of antithetic pairs.
        sigma: Standard deviation of the perturbations, in the units of phi.
        persistent: Whether the particles' unrolls continue from call to call.
        horizon: Number of windows after which persistent particles restart (None: never).
        seed: Seed of the perturbations.

    >>> from torch import nn
    >>> net, w = nn.Linear(1, 1, bias=False), torch.tensor(2.0, requires_grad=True)
    >>> problem = BilevelProblem(net, lambda s, b: w * s.sum(), lambda s, b: s.sum(), [w])
    >>> step = InnerStep(torch.optim.SGD(net.parameters(), lr=0.1), net.parameters())
    >>> batch = (torch.ones(1, 1),)
    >>> found = Evolution(steps=3, pairs=200).estimate(problem, batch, batch, step).gradients[0]
    >>> bool(abs(found + 0.3) < 0.1)
    True
    """

    exact = False
    needs_step = True
    several_batches = True

    def __init__(
        self,
        steps: int = 5,
        pairs: int = 8,
        sigma: float = 0.01,
        persistent: bool = False,
        horizon: int | None = None,
        seed: int = 0,
    ) -> None:
        if steps < 1 or pairs < 1 or sigma <= 0:
            raise ConfigError(
                "Evolution strategies need positive numbers", expected="steps, pairs >= 1 and sigma > 0"
            )
        self.steps, self.pairs, self.sigma = steps, pairs, sigma
        self.persistent, self.horizon = persistent, horizon
        self.random = torch.Generator().manual_seed(seed)
        self.restart()

    def restart(self) -> None:
        """Forget the particles; the next call begins new unrolls."""
        self._particles: list[tuple[Iterate, Iterate]] = []
        self._drift: list[Vector] = []
        self._windows = 0

    def estimate(
        self,
        problem: BilevelProblem,
        train: Any,
        meta: Any,
        step: InnerStep | None = None,
        gradient: TrainingGradient | None = None,
        scale: str = "raw",
    ) -> Hypergradient:
        """The estimate of one window (arguments as in `Estimator.estimate`).

        Of a training gradient at hand only the random numbers are used: the first step draws the same.
        """
        step = needed(step, "An unroll")
        batches = batches_of(train, self.steps)
        with under_rng(None):
            now = begin(problem, step, gradient)
            self._start(problem, now)
            total, losses = zeros(list(problem.phi)), []
            for i in range(self.pairs):
                noise = [
                    self.sigma * torch.randn(p.shape, generator=self.random, dtype=p.dtype).to(p.device)
                    for p in problem.phi
                ]
                self._drift[i] = axpy(1.0, self._drift[i], noise)
                ends, values = [], []
                for sign, at in zip((1.0, -1.0), self._particles[i], strict=True):
                    with moved(list(problem.phi), scaled(sign, noise)), under_rng(now.rng):
                        at = Iterate(at.params, at.states, save_rng())
                        end, value = window(problem, step, at, batches, meta)
                    ends.append(end)
                    values.append(value)
                self._particles[i] = (ends[0], ends[1])
                total = axpy(
                    (values[0] - values[1]) / (2 * self.sigma**2 * self.pairs), self._drift[i], total
                )
                losses += values
            penalty, changes = direct(problem, batches, now.rng)
        self._windows += 1
        if not self.persistent or self._windows == self.horizon:
            self.restart()
        outer = torch.stack(losses).mean()
        return combined(total, penalty, outer, unit=step.unit, scale=scale, moved=changes)

    def _start(self, problem: BilevelProblem, now: Iterate) -> None:
        if not self._particles:
            first = Iterate([p.clone() for p in now.params], [_copied(s) for s in now.states], now.rng)
            self._particles = [(first, first)] * self.pairs
            self._drift = [zeros(list(problem.phi)) for _ in range(self.pairs)]

    def state_dict(self) -> dict[str, Any]:
        """The particles, their drift and the random state: what a resumed run needs to go on bit for bit."""
        particles = [tuple((at.params, list(at.states)) for at in pair) for pair in self._particles]
        return {
            "particles": particles,
            "drift": self._drift,
            "windows": self._windows,
            "random": self.random.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        rng = save_rng()
        self._particles = [
            (Iterate(up[0], up[1], rng), Iterate(down[0], down[1], rng)) for up, down in state["particles"]
        ]
        self._drift, self._windows = state["drift"], state["windows"]
        self.random.set_state(state["random"])


def _copied(state: Any) -> dict[str, Any]:
    return {k: v.clone() if isinstance(v, Tensor) else v for k, v in state.items()}
