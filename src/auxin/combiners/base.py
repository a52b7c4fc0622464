"""The contract of a combiner: a map from the tasks' losses to one training loss.

A combiner never differentiates the primary network: it declares what it needs and the loop supplies it.
Two kinds cover every method of the field, because a direction that is a linear combination of the tasks'
gradients is a set of loss weights that depend on the gradients' Gramian:

| input | not trained | trained by the training loss | trained by its own rule | trained by the hypergradient |
| --- | --- | --- | --- | --- |
| losses | equal, static | uncertainty | dwa, famo | linear, softmax, monotone, auto_lambda, meta_weight ... |
| Gramian | gradient_cosine, pcgrad, torchjd | | gradnorm, ol_aux | aux_nash |

In every training step the loop calls `forward` (in a meta step too: `forward` and `weights` change nothing),
then, once per step, `after_step`; after every update of phi `after_meta_step`; after every epoch `end_epoch`.
With one task, the main one, every combiner is the main task's mean loss.
"""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from auxin.errors import ConfigError, RunError
from auxin.math.deferred import holds
from auxin.math.missing import hide
from auxin.paper import Paper

Options = Mapping[str, float | int | str | bool]
"""A combiner's own options: values by the names of the constructor's arguments."""


class TrainedBy(Enum):
    """How a combiner's parameters are trained."""

    NOBODY = "nobody"
    TRAINING_LOSS = "training loss"
    OWN_RULE = "own rule"
    HYPERGRADIENT = "hypergradient"


@dataclass(frozen=True, eq=False)
class TaskLosses:
    """The losses of one batch, per sample and task.

    Attributes:
        values: Losses, float [B, T] (or loss images [B, T, H, W]); exactly zero where the label is missing. Task 0
            is the main task.
        present: Mask of the entries that carry a label, bool, of the same shape.
        names: Names of the tasks, the main one first.
    """

    values: Tensor
    present: Tensor
    names: tuple[str, ...]

    def means(self) -> Tensor:
        """Each task's mean loss over the entries that carry a label, [T]; zero where a task has none."""
        return hide(self.values, self.present).sum(self._axes()) / self._counts.clamp(min=1)

    def seen(self) -> Tensor:
        """Mask of the tasks that have at least one label in the batch, bool [T]."""
        return self._counts > 0

    def per_sample(self) -> "TaskLosses":
        """Loss images averaged over the pixels that carry a label, [B, T]; losses per sample are returned unchanged."""
        if self.values.dim() == 2:
            return self
        counts = self.present.flatten(2).sum(2)
        sums = hide(self.values, self.present).flatten(2).sum(2)
        return replace(self, values=sums / counts.clamp(min=1), present=counts > 0)

    def filled(self) -> Tensor:
        """The values, with every missing entry replaced by its task's mean.

        A function of the whole loss vector needs a number where a label is missing. With the task's mean
        there, the batch mean of a linear function is the same function of `means()`: a task weighs the same
        however few of its labels are in the batch. A task without any label is zero everywhere.

        >>> values = torch.tensor([[1.0, 4.0], [3.0, 0.0]])
        >>> present = torch.tensor([[True, True], [True, False]])
        >>> TaskLosses(values, present, ("breed", "species")).filled().tolist()
        [[1.0, 4.0], [3.0, 4.0]]
        """
        shape = [1, -1] + [1] * (self.values.dim() - 2)
        return torch.where(self.present, self.values, self.means().view(shape))

    @cached_property
    def _counts(self) -> Tensor:
        """How many labels each task has, int64 [T]."""
        return self.present.sum(self._axes())

    def _axes(self) -> list[int]:
        return [d for d in range(self.values.dim()) if d != 1]


class Combiner(nn.Module, ABC):
    """Maps the tasks' losses to one loss. A member derives from `LossCombiner` or `GramianCombiner`.

    Attributes:
        trained_by: Means by which its parameters are trained; those trained by the hypergradient are phi and never
            enter the main optimiser.
        needs_gramian: Whether `forward` takes the Gramian of the tasks' gradients on the shared parameters.
        needs_images: Whether it accepts loss images [B, T, H, W] only.
        looks_again: Whether `after_update` needs the same batch's losses after the network's step, which costs one
            extra forward pass.
        paper: Paper that introduced it.
        published: Options of its paper's protocol that differ from the defaults.
        tuning: Candidate values of its main option for tuning on validation, each a set of options. Every combiner
            has the same number of candidates, so that all are tuned equally.
        count: Number of tasks, the main one included.
    """

    trained_by: ClassVar[TrainedBy] = TrainedBy.NOBODY
    needs_gramian: ClassVar[bool] = False
    needs_images: ClassVar[bool] = False
    looks_again: ClassVar[bool] = False
    paper: ClassVar[Paper | None] = None
    published: ClassVar[Options] = {}
    tuning: ClassVar[tuple[Options, ...]] = ({"scale": 1.0}, {"scale": 0.3}, {"scale": 3.0})
    count: int

    def __init__(self, count: int) -> None:
        if count < 1:
            wrong = "A combiner needs the main task"
            raise ConfigError(wrong, expected="at least 1 task", found=f"{count} tasks")
        super().__init__()
        self.count = count

    @classmethod
    def build(cls, tasks: Sequence[str], **options: float | int | str | bool) -> "Combiner":
        """Build the combiner for these tasks.

        Args:
            tasks: Names of the tasks, the main one first.
            options: Keyword arguments of the member's constructor.

        Raises:
            ConfigError: The combiner does not have one of the options.
        """
        known = list(inspect.signature(cls.__init__).parameters.values())[2:]
        names = [p.name for p in known if p.kind is not p.VAR_KEYWORD]
        odd = sorted(set(options) - set(names)) if len(names) == len(known) else []
        if odd:
            wrong = f"The combiner {cls.__name__} has no option {odd[0]!r}"
            raise ConfigError(wrong, expected=", ".join(names) or "no options")
        return cls(len(tasks), **options)  # type: ignore[arg-type]

    @property
    def main_row_only(self) -> bool:
        """Whether it reads the Gramian's first row and column only, the products with the main task's gradient.

        All other entries may then be zero: the row costs two backward passes, however many tasks there are.
        """
        return False

    @abstractmethod
    def task_weights(self, losses: TaskLosses, gramian: Tensor | None = None) -> Tensor:
        """The weight of each task in this batch, dL/d(mean l_k), float [T], detached; for plots and logs."""

    def phi(self) -> list[nn.Parameter]:
        """The parameters that the hypergradient trains; empty for every other kind of combiner."""
        return list(self.parameters()) if self.trained_by is TrainedBy.HYPERGRADIENT else []

    def rate_factors(self) -> list[float]:
        """Factors of the meta optimiser's learning rate, one for each parameter of `phi`, in its order.

        A factor is 1 unless a module of the combiner sets it in an attribute `layer_rates`, by parameter name. With
        these factors a step of Adam at a given rate changes a task's weight by about that rate, for every combiner.
        """
        factors = {
            f"{name}.{own}" if name else own: factor
            for name, part in self.named_modules()
            for own, factor in getattr(part, "layer_rates", {}).items()
        }
        phi = {id(parameter) for parameter in self.phi()}
        return [factors.get(name, 1.0) for name, parameter in self.named_parameters() if id(parameter) in phi]

    def trained_with_main(self) -> list[nn.Parameter]:
        """The parameters that belong in the main optimiser: their paper minimises the training loss."""
        return list(self.parameters()) if self.trained_by is TrainedBy.TRAINING_LOSS else []

    def after_step(self, losses: TaskLosses, gramian: Tensor | None = None) -> None:
        """Called once per training step with the inputs of `forward`; override it for a training rule of its own."""
        del losses, gramian

    def after_update(self, before: TaskLosses, after: TaskLosses) -> None:
        """Called once per training step if `looks_again`, with a batch's losses before and after the network's step."""
        del before, after

    def after_meta_step(self) -> None:
        """Called after each update of phi; override it to project the parameters onto a constraint."""
        return None

    def end_epoch(self, means: Tensor) -> None:
        """Called after each epoch with each task's mean loss, float [T]; for members that keep a history."""
        del means

    def check(self, losses: TaskLosses) -> TaskLosses:
        """Return the losses unchanged if they have `count` tasks.

        Raises:
            ConfigError: The losses have another number of tasks, or `values` and `present` differ in shape.
        """
        if losses.values.shape[1] != self.count or losses.present.shape != losses.values.shape:
            raise ConfigError(
                "The losses do not fit the combiner",
                expected=f"values and present of shape [B, {self.count}], main first",
                found=f"{tuple(losses.values.shape)} and {tuple(losses.present.shape)}",
            )
        return losses


class LossCombiner(Combiner):
    """A combiner whose input is the tasks' losses.

    >>> class Half(LossCombiner):
    ...     def forward(self, losses):
    ...         return losses.means()[0] + 0.5 * losses.means()[1:].sum()
    >>> losses = TaskLosses(torch.tensor([[1.0, 4.0], [3.0, 0.0]]), torch.ones(2, 2, dtype=torch.bool), ("main", "aux"))
    >>> Half(2)(losses), Half(2).task_weights(losses)
    (tensor(3.), tensor([1.0000, 0.5000]))
    """

    @abstractmethod
    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar, differentiable in the losses and in the parameters."""

    def sensitivities(self, losses: TaskLosses) -> Tensor:
        """The derivative dL/dl of every entry, in the shape of `values`, detached; of images, the pixel weights."""
        with torch.enable_grad():
            values = losses.values.detach().requires_grad_(True)
            return torch.autograd.grad(self(replace(losses, values=values)), values)[0]

    def task_weights(self, losses: TaskLosses, gramian: Tensor | None = None) -> Tensor:
        """The increase of the loss when every labelled entry of task k increases by one, [T], detached."""
        del gramian
        reached = self.sensitivities(losses) * losses.present
        return reached.sum([d for d in range(reached.dim()) if d != 1])


class GramianCombiner(Combiner):
    """A combiner whose inputs are the tasks' mean losses and the Gramian of their gradients on shared parameters.

    The weights are loss weights, so they act on a task's private parameters (its head) as well.

    An auxiliary counts where its gradient does not oppose the main task's:

    >>> class Agreeing(GramianCombiner):
    ...     def weights(self, gramian, means):
    ...         return (gramian[0] >= 0).float()
    >>> losses = TaskLosses(torch.tensor([[1.0, 4.0]]), torch.ones(1, 2, dtype=torch.bool), ("main", "aux"))
    >>> Agreeing(2)(losses, torch.tensor([[1.0, -0.2], [-0.2, 2.0]]))
    tensor(1.)
    """

    needs_gramian: ClassVar[bool] = True

    @abstractmethod
    def weights(self, gramian: Tensor, means: Tensor) -> Tensor:
        """Loss weights [T]; the training direction is sum_k w_k grad l_k.

        Constant, except that those of a member trained by the hypergradient are differentiable in phi.

        Args:
            gramian: [T, T], <grad l_i, grad l_j> of the mean losses over the shared parameters, detached; a
                task without a label in the batch is a row and a column of zeros.
            means: [T], the tasks' mean losses, detached.
        """

    def forward(self, losses: TaskLosses, gramian: Tensor) -> Tensor:
        """The training loss sum_k w_k l_k.

        Raises:
            RunError: A task's gradient is not finite.
        """
        means, seen = self.check(losses).means(), self.gramian(gramian)
        if not holds(torch.isfinite(seen), "the tasks' gradients are finite"):
            odd = ~torch.isfinite(seen.diagonal() + (seen[0] if torch.isfinite(seen[0, 0]) else 0))
            bad = ", ".join(name for name, is_odd in zip(losses.names, odd.tolist(), strict=True) if is_odd)
            wrong = f"The gradient of {bad or 'a task'} is not finite, so training has diverged"
            raise RunError(wrong, do="Lower the learning rate, or look at that task's loss")
        return (self.weights(seen, means.detach()) * means).sum()

    def task_weights(self, losses: TaskLosses, gramian: Tensor | None = None) -> Tensor:
        """The weights, [T], detached; 0 for a task that has no label in this batch, whose loss no weight moves."""
        weights = self.weights(self.gramian(gramian), losses.means().detach()).detach()
        return torch.where(losses.seen(), weights, 0)

    def gramian(self, given: Tensor | None) -> Tensor:
        """The Gramian without a graph; refused if it is absent or of another number of tasks."""
        if given is None or given.shape != (self.count, self.count):
            raise ConfigError(
                "This combiner looks at the tasks' gradients",
                expected=f"their Gramian, [{self.count}, {self.count}]",
                found="none" if given is None else f"{list(given.shape)}",
            )
        return given.detach()


CONTRACT = Combiner


def rate_groups(parameters: Sequence[nn.Parameter], combiner: Combiner, rate: float) -> list[dict[str, Any]]:
    """Parameter groups for the optimiser of phi: the combiner's at rates of their own, all else at the rate itself.

    >>> phi = nn.Parameter(torch.zeros(2))
    >>> class One(LossCombiner):
    ...     trained_by, layer_rates = TrainedBy.HYPERGRADIENT, {"own": 0.5}
    ...     def __init__(self, count):
    ...         super().__init__(count)
    ...         self.own = phi
    ...     def forward(self, losses):
    ...         return (losses.means() * self.own).sum()
    >>> [(group["lr"], len(group["params"])) for group in rate_groups([phi], One(2), 0.1)]
    [(0.05, 1)]
    """
    own = dict(zip(map(id, combiner.phi()), combiner.rate_factors(), strict=True))
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in parameters:
        groups.setdefault(own.get(id(parameter), 1.0), []).append(parameter)
    return [{"params": members, "lr": rate * factor} for factor, members in groups.items()]


def number(name: str, value: float, *, above: float = 0.0, inclusive: bool = True) -> float:
    """The value as a float, if it is finite and not below `above` (nor equal to it, unless `inclusive`)."""
    if not math.isfinite(value) or value < above or (value == above and not inclusive):
        sign = ">=" if inclusive else ">"
        raise ConfigError(f"{name}={value} is not usable", expected=f"a finite number {sign} {above:g}")
    return float(value)


def choice(name: str, value: str, known: Sequence[str]) -> str:
    """The value, if it is one of those known."""
    if value not in known:
        raise ConfigError(f"{name}={value!r} is unknown", expected=f"one of: {', '.join(known)}")
    return value
