"""One-step look-ahead through the user's own optimiser, exact, by one JVP of the primary network (MAXL).

With g = grad_W L_T(W, phi), W+ = U(W, g), v = grad L_A(W+), p = -(dU/dg)^T v and S' = d/deps S(W + eps p),

    dL_A(W+)/dphi = -d/dphi <p, grad_W L_T(W, phi)> = -d/dphi <grad_S C(S, phi), S'>
"""

from contextlib import nullcontext
from typing import Any, Literal, cast
from weakref import WeakKeyDictionary

import torch
from torch import nn

from auxin.errors import AuxinError, ConfigError
from auxin.hypergradients._audit import audit
from auxin.hypergradients._mixed import READ_ELSEWHERE, Slope, forward_slope
from auxin.hypergradients._operator import outer_off
from auxin.hypergradients._outer import finish, outer_gradient
from auxin.hypergradients._self_check import (
    WAYS,
    Way,
    agrees,
    confirm,
    forget,
    known,
    slope,
    way_of,
)
from auxin.hypergradients._training_gradient import unhooked
from auxin.hypergradients.base import BilevelProblem, Estimator, Hypergradient, TrainingGradient
from auxin.math.deferred import deferring, traced
from auxin.math.factored import Inputs, multiplied
from auxin.math.functional import save_rng, under_rng
from auxin.math.params import Vector, bare
from auxin.math.products import precisely
from auxin.optimizers import InnerStep

_TURNS: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
"""How many estimates each network has had."""


class Lookahead(Estimator):
    """The exact derivative of the outer loss after one step of the user's optimiser.

    Liu, Davison, Johns 2019, equation 3 (there for plain SGD): v is taken at W+ = U(W, grad_W L_T), where U
    is the optimiser's own next step (momentum, decay, moments, clipping). Its pullback (dU/dg)^T v is
    elementwise; the mixed product is one JVP of the primary network and a backward through the criterion and
    the auxiliary networks only. Nothing is propagated back twice through the primary network. Cost, in
    forwards F of the primary network: gradient at W 3 (none if it is given), gradient at W+ 3, JVP 3,
    auxiliary network 3. With SGD on a CPU, linear layers that are wide beside the meta batch need a product of
    eight less (`auxin.math.factored`).

    The authors' code looks ahead with a learning rate of its own and plain SGD; ours is the optimiser's.

    Args:
        mode: "auto" takes the cheapest way that the first batch shows to be right: "forward", the one JVP;
            "reverse", reverse-over-reverse; "element", one ordinary backward pass per element of phi, which needs
            first derivatives alone.
        check: Whether the first batch of each network, criterion and structure is examined. "auto" without it is
            "forward"; a mode that was named and is wrong there is refused.

    >>> import torch
    >>> from torch import nn
    >>> net, w = nn.Linear(1, 1, bias=False), torch.tensor(2.0, requires_grad=True)
    >>> problem = BilevelProblem(net, lambda s, b: w * s.sum(), lambda s, b: s.sum(), [w])
    >>> step = InnerStep(torch.optim.SGD(net.parameters(), lr=0.1), net.parameters())
    >>> batch = (torch.ones(1, 1),)
    >>> Lookahead().estimate(problem, batch, batch, step).gradients        # d/dw [W - 0.1 w] = -0.1
    (tensor(-0.1000),)
    """

    exact = True
    needs_step = True

    def __init__(
        self, mode: Literal["auto", "forward", "reverse", "element"] = "auto", check: bool = True
    ) -> None:
        if mode not in ("auto", *WAYS):
            raise ConfigError(
                "Unknown mode of the look-ahead", expected=f"auto, {', '.join(WAYS)}", found=mode
            )
        self.mode = mode
        self.check = check

    def settled(self, problem: BilevelProblem) -> "Lookahead | None":
        """The same without the check, in the mode that it chose for this problem; None where it has not run."""
        if self.mode != "auto" or not self.check:
            return Lookahead(self._unchecked(problem), check=False)
        found = known(problem)
        return None if found is None else Lookahead(found, check=False)

    def estimate(
        self,
        problem: BilevelProblem,
        train: Any,
        meta: Any,
        step: InnerStep | None = None,
        gradient: TrainingGradient | None = None,
        scale: str = "raw",
        keep: bool = False,
    ) -> Hypergradient:
        """The hypergradient at the network's current parameters (arguments as in `Estimator.estimate`).

        Args:
            keep: Keep the forward pass at W+ in `ahead`: where `meta` is the next training batch, it is that
                step's own (`training_gradient(..., ahead=...)`).

        Raises:
            ConfigError: No step was given, or a gradient without its graph to phi.
            UnsupportedError: The optimiser is not one that can be looked through, or the mode that was named does not
                give the training step's own derivative.
        """
        if step is None:
            raise ConfigError("A look-ahead needs the optimiser that takes the step", do="Give `optimizer`.")
        found = self._estimate(problem, train, meta, step, gradient, scale, keep)
        if found is None:
            audit(problem, (train,))
            forget(problem)
            found = self._estimate(problem, train, meta, step, gradient, scale, keep)
            assert found is not None
        return found

    def _estimate(
        self,
        problem: BilevelProblem,
        train: Any,
        meta: Any,
        step: InnerStep,
        gradient: TrainingGradient | None,
        scale: str,
        keep: bool,
    ) -> Hypergradient | None:
        """The hypergradient; None where the way that the first batch showed to be right is so no more."""
        with under_rng(None):
            ours = gradient is None or gradient.hooked
            gradient = unhooked(problem, train, gradient)
            ahead = step.lookahead(gradient.given)
            compared = ours and self._compared(problem, train, gradient.loss.device.type)
            if ours and step.linear and not compared:  # shapes without memory
                gradient.gradients[:] = [g.new_zeros(()).expand_as(g) for g in gradient.gradients]
            rng = save_rng()
            factored = self._factored(problem, train, step, gradient)
            outer = outer_gradient(problem, ahead, meta, keep, factored)
            off = 0.0
            auto = self.mode == "auto" and self.check
            if auto and problem.average is None and way_of(problem, train) is None:
                with precisely(rng):
                    off = outer_off(problem, ahead, outer.v, meta)
            pulled = step.pullback(gradient.given, outer.v)  # -p
            ahead.clear()  # vectors as large as the network, which would stand beside the next pass
            outer.v.clear()
            if ours and not compared:
                gradient.gradients.clear()
            seen = auto and way_of(problem, train) is not None
            try:
                slope, notes = self._slope(problem, train, gradient, pulled, outer.inputs, off)
            except (NotImplementedError, RuntimeError) as error:
                if not seen or isinstance(error, torch.OutOfMemoryError | AuxinError):
                    raise
                return None
            if compared and slope.terms and not agrees(slope, gradient, multiplied(pulled, outer.inputs)):
                return None
        return finish(problem, gradient, outer, slope.negated(), unit=step.unit, scale=scale, notes=notes)

    def _slope(
        self,
        problem: BilevelProblem,
        train: Any,
        gradient: TrainingGradient,
        p: Vector,
        inputs: Inputs,
        outer_is_off: float,
    ) -> tuple[Slope, list[str]]:
        if inputs:
            return forward_slope(problem, train, gradient, p, inputs), []
        if self.mode == "auto" and self.check:
            return slope(problem, train, gradient, p, outer_is_off)
        way = self._unchecked(problem)
        if self.check and problem.average is None:
            confirm(problem, train, gradient, way)
        return WAYS[way](problem, train, gradient, p), []

    def _compared(self, problem: BilevelProblem, train: Any, device: str) -> bool:
        """Whether forward mode is compared with the training gradient this time: more and more rarely.

        It finds what changes after the first batch without a trace in the network's structure, such as a hook on an
        activation that a flag switches on. Nothing is compared where no value may be read,
        nor with a gradient that the caller has taken, before which a loss may have kept something else.
        """
        if self.mode != "auto" or not self.check or problem.average is not None or traced() or deferring():
            return False
        network = bare(problem.network)
        turn = _TURNS[network] = _TURNS.get(network, 0) + 1
        autocast = problem.autocast is not nullcontext or torch.is_autocast_enabled(device)
        if autocast or way_of(problem, train) is None:
            return False
        return turn % 64 == 0 or turn & (turn - 1) == 0

    def _factored(
        self, problem: BilevelProblem, train: Any, step: InnerStep, gradient: TrainingGradient
    ) -> bool:
        """Whether linear layers' part of v may stay factors: the step scales it, and forward mode is known to be right.

        What shows that something else reads such a weight is a value, which must not be waited for on a device.
        """
        if not step.linear or bare(problem.network) in READ_ELSEWHERE or problem.average is not None:
            return False
        if traced() or deferring() or gradient.loss.device.type != "cpu":
            return False
        if problem.autocast is not nullcontext or torch.is_autocast_enabled("cpu"):
            return False
        if not self.check:
            return self._unchecked(problem) == "forward"
        return self.mode == "auto" and way_of(problem, train) == "forward"

    def _unchecked(self, problem: BilevelProblem) -> Way:
        """The way without a look at the first batch."""
        if not problem.terminal:
            return "reverse"
        return "forward" if self.mode == "auto" else cast(Way, self.mode)
