"""Look-ahead by a central difference in place of the JVP (DARTS): few operations, some per cent off.

With p = -(dU/dg)^T v as in the look-ahead and eps = radius / |p|,

    dL_A/dphi ~ -[ dL_T(W + eps p, phi)/dphi - dL_T(W - eps p, phi)/dphi ] / (2 eps)
"""

import warnings
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from auxin.errors import ConfigError, UnsupportedError
from auxin.hypergradients._mixed import RADIUS, difference_slope, element_slope
from auxin.hypergradients._operator import differenced_over_phi
from auxin.hypergradients._outer import finish, outer_gradient
from auxin.hypergradients._sharded import sharded_difference
from auxin.hypergradients._stopped import is_large, refuse_or_warn
from auxin.hypergradients._structure import Memory, key_of
from auxin.hypergradients._training_gradient import unhooked
from auxin.hypergradients._unroll import needed
from auxin.hypergradients.base import BilevelProblem, Estimator, Hypergradient, TrainingGradient
from auxin.math.deferred import traced
from auxin.math.functional import under_rng
from auxin.math.params import Vector, bare, detached, negated, norm, normal_numbers, trainable
from auxin.math.products import precisely
from auxin.math.sharding import is_sharded
from auxin.optimizers import InnerStep

_MEMORY: Memory[bool] = Memory()
_TURNS: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
"""How many estimates each network has had."""

LIMIT = {torch.float64: 1e-5, torch.float32: 3e-2}
"""The relative error above which the difference is not taken for the training gradient's derivative over phi.

In float32 it was at most 0.008 on multilayer perceptrons and convolutional networks of 16 to 2,048 units that stop no
gradient, and 0.03 to 1 on networks with straight-through operations.
"""

_STOPPED = (
    "One backward pass for each element of phi is used: the training step does not follow a difference of the loss, "
    "because the network or a loss stops, scales or replaces gradients (`detach`, `no_grad`, a hook)."
)


class FiniteDifference(Estimator):
    """Two probes of the training loss along p, with the same dropout masks and clones of the same buffers.

    Liu, Simonyan, Yang 2018 (DARTS), equation 8. In forwards F of the primary network: two probes 2, v 3, the
    gradient at W 3 (none if it is given). It works where an operation has neither forward mode nor a double
    backward, and where phi enters the primary network.

    With the first batch of each structure, and at the 2nd, 4th, 8th estimate and so on, the difference is compared with
    one of the training gradient over phi. They disagree
    where the network or a loss stops gradients (a target under `torch.no_grad`, a hook on an
    activation). Then one backward pass per element of phi is used, with a warning, up to 64 elements. Above that
    float64 refuses, and float32, where rounding alone can give such an error, warns.

    Departures: p goes through the optimiser's own update (there plain SGD); the default radius is 1e-4 in
    float32 (1e-5 in float64), at which the error was least on VGG-16 with batch norm (0.02 to 0.03, against
    0.3 at DARTS' 0.01); the probes share their dropout masks, without which the estimate is noise.

    Of a network under `torch.distributed.fsdp.fully_shard` the shards are moved in place and put back, v is taken at
    W+, and the gradients are the means over the processes that the network's own backward pass takes.

    Args:
        radius: Distance |eps p| of the probes from W (None: chosen by the precision).
        at: Point at which v is computed: "lookahead" for W+, "here" for W.

    >>> import torch
    >>> from torch import nn
    >>> net = nn.Linear(1, 1, bias=False).double()
    >>> w = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    >>> problem = BilevelProblem(net, lambda s, b: w * s.sum(), lambda s, b: s.sum(), [w])
    >>> step = InnerStep(torch.optim.SGD(net.parameters(), lr=0.1), net.parameters())
    >>> batch = (torch.ones(1, 1, dtype=torch.float64),)
    >>> round(FiniteDifference().estimate(problem, batch, batch, step).gradients[0].item(), 6)
    -0.1
    """

    exact = False
    needs_step = True

    def __init__(self, radius: float | None = None, at: str = "lookahead") -> None:
        if at not in ("lookahead", "here"):
            raise ConfigError("Unknown place for v", expected="lookahead or here", found=repr(at))
        self.radius = radius
        self.at = at

    def estimate(
        self,
        problem: BilevelProblem,
        train: Any,
        meta: Any,
        step: InnerStep | None = None,
        gradient: TrainingGradient | None = None,
        scale: str = "raw",
    ) -> Hypergradient:
        """The hypergradient at the network's current parameters (arguments as in `Estimator.estimate`).

        Raises:
            UnsupportedError: Parameters or autocast in sixteen bits, where the difference drowns in rounding;
                in float64, a network or a loss that stops gradients, with a phi of more than 64 elements or inside
                the network.
        """
        step = needed(step, "A look-ahead")
        params = detached(list(trainable(problem.network).values()))
        with problem.autocast():
            _refuse_sixteen_bits(params)
        if is_sharded(problem.network):
            return sharded_difference(problem, train, meta, step, self.radius, scale)
        with under_rng(None):
            ours = gradient is None or gradient.hooked
            gradient = unhooked(problem, train, gradient)
            gradient = replace(gradient, products=None)  # of forward mode, which a difference does not take
            follows = self._follows(problem, train, gradient)  # while no other vector is alive
            at = step.lookahead(gradient.given) if self.at == "lookahead" else params
            outer = outer_gradient(problem, at, meta)
            p = negated(step.pullback(gradient.given, outer.v))
            at.clear()  # vectors as large as the network, which would stand beside the next passes
            outer.v.clear()
            if ours:
                gradient.gradients.clear()
            if follows:
                slope, notes = difference_slope(problem, train, gradient, p, self.radius), []
            else:
                slope, notes = element_slope(problem, train, gradient, p), [_STOPPED]
        return finish(problem, gradient, outer, slope, unit=step.unit, scale=scale, notes=notes)

    def _follows(self, problem: BilevelProblem, train: Any, gradient: TrainingGradient) -> bool:
        """Whether a difference of the loss is the training gradient's, by the first batch of each structure.

        Where it is, that is asked again at the 2nd, 4th, 8th estimate and so on: a normalisation by power iterations
        may have converged at first. A step that is being recorded is not asked.

        Raises:
            UnsupportedError: it is not, and phi is too large for a backward pass per element.
        """
        network, key = bare(problem.network), key_of(problem, train)
        seen = _MEMORY.get(network, key)
        turn = _TURNS[network] = _TURNS.get(network, 0) + 1
        if seen is not None and (not seen or turn & (turn - 1) or traced()):
            return seen
        if not sum(x.numel() for x in problem.phi):
            return True
        q = _direction(problem, gradient)
        worst, radius = LIMIT.get(q[0].dtype, float("inf")), RADIUS.get(q[0].dtype, 1e-2)
        with precisely():
            off = differenced_over_phi(problem, train, gradient, q, difference_slope)
            if off is not None and off > worst:
                # kinks (ReLU, max pooling) lie within the first radius; in float32 it drowns in rounding
                other = partial(
                    difference_slope,
                    radius=radius / 100 if q[0].dtype == torch.float64 else 10 * radius,
                )
                again = differenced_over_phi(problem, train, gradient, q, other)
                off = off if again is None else min(off, again)
        if off is None:  # the gradient hardly depends on phi here
            return True
        follows = off <= worst
        if not follows and is_large(problem):
            refuse_or_warn(q[0].dtype, off, "finite_difference")
            follows = True
        elif not follows:
            warnings.warn(_STOPPED, RuntimeWarning, stacklevel=3)
        _MEMORY.put(network, key, follows)
        return follows


def _direction(problem: BilevelProblem, gradient: TrainingGradient) -> Vector:
    """Half along the training gradient, half at random.

    In a random direction of a wide network the loss hardly changes, so that float32 shows rounding alone.
    """
    own = list(trainable(problem.network).values())
    q = normal_numbers(own, torch.Generator().manual_seed(0))
    size = norm(gradient.gradients)
    if not bool(size):
        return q
    factor = size / norm(q)
    return [t.mul_(factor).add_(g) for t, g in zip(q, gradient.gradients, strict=True)]


def _refuse_sixteen_bits(params: Vector) -> None:
    sixteen = (torch.bfloat16, torch.float16)
    device = params[0].device.type
    autocast = torch.is_autocast_enabled(device) and torch.get_autocast_dtype(device) in sixteen
    if autocast or any(p.dtype in sixteen for p in params):
        raise UnsupportedError(
            "A finite difference drowns in rounding",
            expected="float32 or float64",
            found="sixteen bits",
            do="Use the look-ahead, which is exact, or leave autocast.",
        )
