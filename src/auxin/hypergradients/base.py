"""The bilevel problem, and the contract of an estimator of its hypergradient dL_A/dphi.

    minimise over phi   L_A(W*(phi)) + R(phi)      with   W*(phi) = argmin_W  L_T(W, phi) = C(S(W; B), phi; B)

The signals S are what the primary network puts out; the criterion C is cheap and is the only place where phi
lives (phi is *terminal*). Then, with p standing for H^-1 v or for the pullback of v through the optimiser's
step,

    d/dphi <p, grad_W L_T> = d/dphi [ d/deps C(S(W + eps p), phi) ] at eps = 0
                           = d/dphi <grad_S C(S, phi), S'>,

one forward-mode JVP of the primary network (S and its tangent S', both constants) and an ordinary backward
through C.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from torch import Tensor, nn

from auxin.errors import ConfigError
from auxin.math.tangents import Products
from auxin.math.tree import full_precision
from auxin.math.visits import begin_loss
from auxin.optimizers import InnerStep
from auxin.typing import Signals


def batch_inputs(batch: Any) -> tuple[Any, ...]:
    """The network's arguments from a batch: `batch.x`, or the first item of a tuple such as (x, y)."""
    return (batch.x,) if hasattr(batch, "x") else (batch[0],)


@dataclass(frozen=True)
class BilevelProblem:
    """A bilevel problem: a network, its training loss with parameters phi, and the main task's loss.

    Formula:
        minimise over phi   L_A(W*(phi)) + R(phi)   with   W*(phi) = argmin_W L_T(W, phi),
        L_T(W, phi) = C(S(W; B), phi; B). The signals S are the network's outputs, C is the criterion.

    Attributes:
        network: The primary network f(.; W); W are its parameters that require a gradient.
        criterion: The training loss C. Called as `criterion(signals, batch)`, or as
            `criterion(signals, batch, context)` where `context` is given. Must return a scalar.
        outer: The main task's loss L_A, `outer(signals, batch)`; a scalar that does not depend on phi.
        phi: The auxiliary parameters, tensors that require a gradient.
        context: Function of a batch that computes what the auxiliary networks make of it without the signals (a
            labeler's targets); called once per batch and shared by `criterion` and `regulariser`.
        regulariser: R, the part of the outer loss that depends on phi directly, a function of the context (None:
            zero).
        inputs: Function from a batch to the network's positional arguments. Default: `batch.x`, or the first item.
        auxiliary: The auxiliary networks, in their current mode (usually training). Their own buffers (batch norm's
            statistics) are updated once in a meta step and never in a training step.
        terminal: Whether phi enters through the criterion alone. If not, estimators use reverse-over-reverse.
        output_curvature: For Gauss-Newton products: `output_curvature(signals, batch, context)` returns the product
            of Q with a tangent of the signals, Q >= 0 (None: the criterion's own Hessian per sample, projected; see
            `auxin.math.curvature`).
        losses: The per-sample losses by task, `losses(signals, batch, context)`, [B] or [B, T]; for the
            diagnostics only.
        autocast: Context of the forward passes of ordinary gradients (such as `torch.autocast` in bfloat16). Their
            outputs are converted to float32; everything else (criterion, JVPs, Hessian products, solvers) is outside.
        average: Function that averages a vector over W (a gradient, a Hessian product) over the processes of data
            parallelism (None: there is one process).
        processes: Number of processes. Each one's training loss is that of all rows; the gradients of its own rows are
            multiplied by this number, and so must be a difference of its values.
        split: Where phi only weighs losses: `split(signals, batch, context)` returns the losses, with their graphs, and
            the function that makes the training loss of them. Loss functions without a second derivative (CTC) then
            need none.

    Raises:
        ConfigError: An element of phi does not require a gradient.

    References:
        - Liu, Davison, Johns 2019, Self-Supervised Generalisation with Meta Auxiliary Learning
        - Navon et al. 2021, Auxiliary Learning by Implicit Differentiation
        - Lorraine, Vicol, Duvenaud 2020, Optimizing Millions of Hyperparameters by Implicit Differentiation

    Two tasks share one network with two outputs, and phi is the logarithm of the second task's weight:

    >>> import torch
    >>> network, phi = nn.Linear(3, 2), torch.zeros((), requires_grad=True)
    >>> def criterion(signals, batch):
    ...     losses = ((signals - batch[1]) ** 2).mean(0)
    ...     return losses[0] + phi.exp() * losses[1]
    >>> def outer(signals, batch):
    ...     return ((signals[:, 0] - batch[1][:, 0]) ** 2).mean()
    >>> problem = BilevelProblem(network, criterion, outer, [phi])

    Its hypergradient through one step of Adam:

    >>> from auxin import hypergradient
    >>> adam = torch.optim.Adam(network.parameters(), lr=0.1)
    >>> found = hypergradient(problem, (torch.randn(8, 3), torch.randn(8, 2)), optimizer=adam)
    >>> found.gradients[0].shape, found.outer_loss.ndim
    (torch.Size([]), 0)
    """

    network: nn.Module
    criterion: Callable[..., Tensor]
    outer: Callable[[Signals, Any], Tensor]
    phi: Iterable[Tensor]
    context: Callable[[Any], Any] | None = None
    regulariser: Callable[[Any], Tensor | None] | None = None
    inputs: Callable[[Any], tuple[Any, ...]] = batch_inputs
    terminal: bool = True
    auxiliary: Iterable[nn.Module] = ()
    output_curvature: Callable[..., Callable[[Signals], Signals]] | None = None
    losses: Callable[..., Tensor] | None = None
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext
    average: Callable[[list[Tensor]], list[Tensor]] | None = None
    processes: int = 1
    split: Callable[..., tuple[list[Tensor], Callable[[list[Tensor]], Tensor]]] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "phi", tuple(self.phi))
        object.__setattr__(self, "auxiliary", tuple(self.auxiliary))
        if not all(isinstance(p, Tensor) and p.requires_grad for p in self.phi):
            raise ConfigError("phi is not usable", expected="tensors that require a gradient")

    def training_loss(self, signals: Signals, batch: Any, context: Any) -> Tensor:
        """C, called with the context where there is one; a loss begins where the next training step's does."""
        begin_loss()
        return (
            self.criterion(signals, batch)
            if self.context is None
            else self.criterion(signals, batch, context)
        )

    def outer_loss(self, signals: Signals, batch: Any) -> Tensor:
        """L_A; it begins where the next training step's losses do."""
        begin_loss()
        return self.outer(signals, batch)

    def averaged(self, vector: list[Tensor]) -> list[Tensor]:
        """A vector over W as all processes of data parallelism have it: their mean, or itself."""
        return vector if self.average is None else self.average(vector)

    def raised(self, tree: Any) -> Any:
        """What a forward under `autocast` put out, in full precision; as it is where there is no autocast."""
        return tree if self.autocast is nullcontext else full_precision(tree)

    def direct(self, context: Any) -> Tensor | None:
        """R, the part of the outer loss that depends on phi directly."""
        return None if self.regulariser is None else self.regulariser(context)


@dataclass(frozen=True)
class TrainingGradient:
    """The training gradient grad_W L_T(W, phi; B), kept so that a meta step need not compute it again.

    `training_gradient` returns it; `hypergradient(gradient=...)` takes it. It is valid as long as the network's
    parameters have not changed.

    Attributes:
        loss: L_T, a scalar, detached.
        gradients: One tensor per trainable parameter, in the order of `network.parameters()`; detached.
        signals: S at W, detached.
        context: The batch's context, with its graph to phi.
        rng: The random state under which the forward pass ran (dropout masks); opaque.
        differentiable: Whether the context has its graph to phi; a step without a meta step saves it.
        moved: The auxiliary networks' buffers, each with the value it takes if a meta step follows.
        hooked: Whether hooks on the parameters have changed the gradients already.
        products: The forward pass's matrix products, which forward mode at W need not compute again.
        idle: The places of parameters that the loss does not reach and whose `.grad` is None: the optimiser's step
            passes them over, decay and momentum included.
        begun: The random state under which the context was made, from which an unroll begins; opaque (None: `rng`).

    >>> import torch
    >>> from auxin import training_gradient
    >>> network, phi = nn.Linear(1, 1, bias=False), torch.tensor(2.0, requires_grad=True)
    >>> problem = BilevelProblem(network, lambda s, b: phi * s.sum(), lambda s, b: s.sum(), [phi])
    >>> gradient = training_gradient(problem, (torch.ones(3, 1),))
    >>> for parameter, value in zip(network.parameters(), gradient.gradients, strict=True):
    ...     parameter.grad = value
    >>> network.weight.grad
    tensor([[6.]])
    """

    loss: Tensor
    gradients: list[Tensor]
    signals: Signals
    context: Any
    rng: Any
    differentiable: bool = True
    moved: Sequence[tuple[Tensor, Tensor]] = ()
    hooked: bool = False
    products: Products | None = None
    idle: frozenset[int] = frozenset()
    begun: Any = None

    @property
    def first_rng(self) -> Any:
        """The random state under which its computation began."""
        return self.begun or self.rng

    @property
    def given(self) -> list[Tensor | None]:
        """The gradients as the optimiser finds them, None where it passes a parameter over."""
        return [None if i in self.idle else g for i, g in enumerate(self.gradients)]

    def over_processes(self, problem: BilevelProblem) -> "TrainingGradient":
        """The mean over the processes of data parallelism; idle is what no process reaches."""
        whole = problem.averaged(self.gradients)
        return replace(
            self, gradients=whole, idle=frozenset(i for i in self.idle if not bool(whole[i].any()))
        )


@dataclass(frozen=True)
class NextBatchForward:
    """A forward pass at W+ on the next training batch, kept so that the training step there need not make it again.

    Attributes:
        at: W+, as leaves.
        signals: S(W+), with its graph to `at`.
        rng: The random state under which it ran; opaque.
        after: The random state that it left behind.
        moved: The primary network's buffers, each with the value that the pass gave it.
    """

    at: list[Tensor]
    signals: Signals
    rng: Any
    after: Any
    moved: Sequence[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Hypergradient:
    """An estimate of dL_A/dphi.

    Attributes:
        gradients: One tensor per element of phi (zeros where phi has no influence).
        outer_loss: L_A where v was taken, detached.
        unit: The estimator's own step size; `scale="unit"` divides the indirect part by it.
        residual: The linear solver's relative residual, where there is one.
        influence: <p, grad l_i> per sample or per task, where the estimator gets it for free.
        notes: What was decided for the user, one sentence each; printed once by the loop.
        ahead: The forward pass of the outer loss at W+, where it was asked for.
    """

    gradients: tuple[Tensor, ...]
    outer_loss: Tensor
    unit: float = 1.0
    residual: float | None = None
    influence: Tensor | None = None
    notes: list[str] = field(default_factory=list)
    ahead: NextBatchForward | None = None


class Estimator(ABC):
    """Estimates dL_A/dphi, leaving parameters, buffers, random state and optimiser state bit-identical.

    Attributes:
        exact: Whether it is the exact derivative of a definite computation (checked against double backward).
        needs_step: Whether it looks through the optimiser's own update.
        several_batches: Whether `train` may be a list with a batch for each of its steps.
    """

    exact: ClassVar[bool]
    needs_step: ClassVar[bool]
    several_batches: ClassVar[bool] = False

    @abstractmethod
    def estimate(
        self,
        problem: BilevelProblem,
        train: Any,
        meta: Any,
        step: InnerStep | None = None,
        gradient: TrainingGradient | None = None,
        scale: str = "raw",
    ) -> Hypergradient:
        """The hypergradient at the network's current parameters.

        Args:
            problem: The two losses.
            train: The batch of L_T.
            meta: The batch of L_A (the same, the next, or a held-out one).
            step: What the user's optimiser would do next.
            gradient: The training gradient on `train` at the current parameters, if it is at hand.
            scale: "raw", the exact derivative, or "unit", its indirect part divided by the estimator's step
            size.
        """


CONTRACT = Estimator
