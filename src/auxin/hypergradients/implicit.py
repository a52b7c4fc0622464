"""Implicit differentiation at W: a linear solver for H^-1 v, then one JVP of the network (AuxiLearn).

With v = grad L_A(W), H the Hessian of L_T in W (or its Gauss-Newton matrix) and p ~ H^-1 v,

    dL_A(W*)/dphi = dR/dphi - d/dphi <p, grad_W L_T(W, phi)>
"""

import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from auxin import catalogue
from auxin.errors import ConfigError
from auxin.hypergradients._mixed import Slope, reverse_slope, tangent_slope
from auxin.hypergradients._outer import OuterGradient, finish, outer_gradient
from auxin.hypergradients._self_check import WAYS, Verdict, verdict
from auxin.hypergradients._stopped import follows
from auxin.hypergradients.base import BilevelProblem, Estimator, Hypergradient, TrainingGradient
from auxin.math.curvature import projected
from auxin.math.functional import save_rng, still, under_rng
from auxin.math.params import Vector, detached, trainable
from auxin.math.products import Expansion, Mode, forward_hessian, gauss_newton, hessian, precisely
from auxin.math.tree import detach
from auxin.math.vectors import relative_residual
from auxin.optimizers import InnerStep
from auxin.paper import AUXILEARN, Paper
from auxin.solvers.base import Curvature, Solution, Solver
from auxin.typing import Signals

_STOPPED = (
    "The curvature leaves out how a stopped target (`detach`, `no_grad`), or what a hook or a function computes its "
    "gradient from, moves with the parameters: its product is off by {:.1e} from a difference of the training "
    "gradient. The hypergradient is that of a target that stands still; estimator='lookahead' is exact for the next "
    "step."
)


class Implicit(Estimator):
    """The hypergradient by implicit differentiation, at W as it is.

    Navon et al. 2021, equation 6; Lorraine, Vicol, Duvenaud 2020. Exact where W minimises L_T and the solver
    is exact. In forwards F of the primary network: v 3, auxiliary network 4, the tangent 3; with the Hessian the
    graph 3 and each product 6; with Gauss-Newton the graph 1 and each product 5.

    A target made under `torch.no_grad` or by `detach` stands still in H, while in training it moves with W. The first
    batch of each structure shows it, and a warning states it; the solver `identity` takes no product with H.

    Departure: the authors' Neumann sum lacks the factor alpha, see `auxin.solvers.neumann`.

    Args:
        solver: Name from `auxin ls solvers`, or a solver object.
        curvature: Curvature matrix, "hessian" or "gauss_newton" (None: the solver's default).
        mode: Autodiff mode of the Hessian products, see `auxin.math.products.hessian` and `forward_hessian`.
        subsample: use the first so many rows of both batches (rows are in random order already); None for
            all.
        measure: Whether to spend one more product on the residual if the solver does not compute it.
        check: compare the JVP shortcut with reverse-over-reverse on the first batch of each network and
            criterion.
        parameters: Parameters that count as W. "all": every trainable one. "outer": those on which the outer loss
            depends, which leaves auxiliary heads out, as the authors' label-learning code does. H, v and the mixed
            derivative are then those of these parameters, with the others held constant.
        options: Arguments of the named solver (`alpha`, `terms`, `steps`, `damping` ...).

    >>> from torch import nn
    >>> net, w = nn.Linear(1, 1, bias=False), torch.tensor(2.0, requires_grad=True)
    >>> problem = BilevelProblem(net, lambda s, b: ((s - w) ** 2).sum(), lambda s, b: s.sum(), [w])
    >>> batch = (torch.ones(1, 1),)
    >>> Implicit("dense").estimate(problem, batch, batch).gradients        # W* = w, L_A = W*
    (tensor(1.),)
    """

    exact = False
    needs_step = False
    paper: Paper | None = AUXILEARN

    def __init__(
        self,
        solver: str | Solver = "conjugate_gradient",
        curvature: Curvature | None = None,
        mode: Mode = "reverse_over_reverse",
        subsample: int | None = None,
        measure: bool = False,
        check: bool = True,
        parameters: Literal["all", "outer"] = "all",
        **options: Any,
    ) -> None:
        self.solver = _make_solver(solver, options)
        self.curvature = curvature or self.solver.curvature
        if self.curvature not in get_args(Curvature):
            raise ConfigError(
                "Unknown curvature", expected=" or ".join(get_args(Curvature)), found=repr(curvature)
            )
        if mode not in get_args(Mode):
            raise ConfigError(
                "Unknown mode of products", expected=" or ".join(get_args(Mode)), found=repr(mode)
            )
        if parameters not in ("all", "outer"):
            raise ConfigError("Unknown choice of parameters", expected="all or outer", found=repr(parameters))
        self.parameters = parameters
        self.mode: Mode = mode
        self.subsample = subsample
        self.measure = measure
        self.check = check

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
            RunError: the outer gradient or a product is not finite.
            UnsupportedError: an operation of the network lacks the derivative that the products need.
        """
        del step  # the implicit function theorem does not know how W was reached
        if self.subsample is not None:
            train, meta, gradient = head(train, self.subsample), head(meta, self.subsample), None
        params = detached(list(trainable(problem.network).values()))
        with precisely():
            start = save_rng()
            here = gradient or _targets(problem, train, graph=False)
            outer = outer_gradient(problem, params, meta)
            solution, signals = self._solve(problem, train, here, outer)
            outer.v.clear()  # vectors as large as the network, which would stand beside the next graph
            if gradient is None:  # the graph to phi only now, so that it is not held beside the products'
                with under_rng(start):
                    here = _targets(problem, train, graph=True)
            slope, notes = self._slope(problem, train, here, solution.vector, signals)
            if self.check and solution.products:
                notes += _still_target(problem, train)
            return finish(
                problem,
                here,
                outer,
                slope,
                unit=solution.unit,
                scale=scale,
                notes=solution.notes + notes,
                residual=solution.residual,
            )

    def _solve(
        self, problem: BilevelProblem, train: Any, here: TrainingGradient, outer: OuterGradient
    ) -> tuple[Solution, tuple[Signals, Signals] | None]:
        """p, and the signals with their tangent along it (None where phi is not terminal).

        The products' graph is gone when this returns.
        """
        around, v = self._expansion(problem, train, here), outer.v
        kept = [self.parameters == "all" or bool(g.any()) for g in v]

        def product(vector: Vector) -> Vector:
            return _taken(problem.averaged(around.product(_filled(vector, v, kept))), kept)

        right = _taken(v, kept)
        solution = self.solver.solve(product, right)
        residual = solution.residual
        if residual is None and self.measure:
            damping = getattr(self.solver, "damping", 0.0)
            residual = relative_residual(product, solution.vector, right, damping)
        p = _filled(solution.vector, v, kept)
        signals = around.tangent(p) if problem.terminal else None
        return replace(solution, vector=p, residual=residual), signals

    def _expansion(self, problem: BilevelProblem, train: Any, here: TrainingGradient) -> Expansion:
        """The training loss around W, its context held constant."""
        network, inputs, context = problem.network, problem.inputs(train), detach(here.context)
        params = list(trainable(network).values())

        def criterion(signals: Signals) -> Tensor:
            return problem.training_loss(signals, train, context)

        if self.curvature == "gauss_newton":
            given = problem.output_curvature
            if given is None:
                return gauss_newton(network, params, inputs, lambda s: projected(criterion, s), here.rng)
            return gauss_newton(network, params, inputs, lambda s: given(s, train, context), here.rng)
        if self.mode == "forward_over_reverse":
            return forward_hessian(network, params, inputs, criterion, here.rng)
        return hessian(network, params, inputs, criterion, here.rng)

    def _slope(
        self,
        problem: BilevelProblem,
        train: Any,
        here: TrainingGradient,
        p: Vector,
        signals: tuple[Signals, Signals] | None,
    ) -> tuple[Slope, list[str]]:
        """The mixed product: by the tangent where phi is terminal, which the first batch checks."""
        if signals is None:
            return reverse_slope(problem, train, here, p), []
        said = verdict(problem, train, here) if self.check else Verdict("forward")
        notes = [said.note] if said.note else []
        if not said.shortcut:
            return WAYS[said.way](problem, train, here, p), notes
        p.clear()
        return tangent_slope(problem, train, here, *signals), notes

    def state_dict(self) -> dict[str, Any]:
        """What the solver remembers, for a checkpoint."""
        return self.solver.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a saved state."""
        self.solver.load_state_dict(state)


def _still_target(problem: BilevelProblem, train: Any) -> list[str]:
    """The note, and the warning, that H leaves out how stopped gradients move with W; nothing where it does not."""
    right, off = follows(problem, train)
    if right:
        return []
    note = _STOPPED.format(off)
    if off:
        warnings.warn(note, RuntimeWarning, stacklevel=4)
        return [note]
    return []


def _taken(vector: Vector, kept: Sequence[bool]) -> Vector:
    """The tensors that are kept."""
    return [x for x, keep in zip(vector, kept, strict=True) if keep]


def _filled(vector: Vector, like: Vector, kept: Sequence[bool]) -> Vector:
    """The kept tensors at their places among all, zeros at the others."""
    rest = iter(vector)
    return [next(rest) if keep else torch.zeros_like(x) for x, keep in zip(like, kept, strict=True)]


def head(batch: Any, rows: int) -> Any:
    """The first rows of a batch: of every tensor with as many rows as the batch has."""
    if hasattr(batch, "__dataclass_fields__"):
        return type(batch)(**{name: head(getattr(batch, name), rows) for name in batch.__dataclass_fields__})
    if isinstance(batch, Tensor):
        return batch[:rows] if batch.dim() else batch
    if isinstance(batch, Mapping):
        return {key: head(value, rows) for key, value in batch.items()}
    if isinstance(batch, tuple | list):
        return type(batch)(head(value, rows) for value in batch)
    return batch


def _make_solver(solver: str | Solver, options: dict[str, Any]) -> Solver:
    if isinstance(solver, Solver):
        if options:
            raise ConfigError("A ready solver takes no options", found=", ".join(sorted(options)))
        return solver
    kind = catalogue.load("solvers", solver)
    known = list(inspect.signature(kind).parameters)
    wrong = [name for name in options if name not in known]
    if wrong:
        raise ConfigError(
            f"The solver {solver} has no such option",
            expected=f"some of: {', '.join(known)}",
            found=", ".join(wrong),
        )
    return kind(**options)


def _targets(problem: BilevelProblem, batch: Any, graph: bool) -> TrainingGradient:
    """Build the context and the random state only; no gradient is computed."""
    with still(problem.auxiliary) as moved, torch.set_grad_enabled(graph):
        context = None if problem.context is None else problem.context(batch)
    nothing = torch.zeros(())
    return TrainingGradient(nothing, [], nothing, context, save_rng(), True, moved)
