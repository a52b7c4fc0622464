"""Mean teacher: the strong view has to be predicted as by the averaged weights (Tarvainen, Valpola 2017)."""

import copy
from typing import ClassVar

import torch
from torch import Tensor, nn

from auxin.consistency.base import Consistency, ViewAgreement, only
from auxin.errors import ConfigError
from auxin.paper import Paper
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.typing import Batch

STATISTICS = ("running_mean", "running_var")
"""The buffers that are averaged: those of batch normalisation."""


class Distance(ViewAgreement):
    """The squared distance between two answers: of probabilities for classes, of the outputs elsewhere.

    Targets: the teacher's answers, float [B, C], NaN for rows that are no strong views.

    Args:
        name: Name of the task.
        width: Number of values in an output.
        classes: Whether the outputs are compared as class probabilities.
    """

    def __init__(self, name: str, width: int, classes: bool) -> None:
        super().__init__(name, width)
        self.classes = classes

    def answer(self, output: Tensor) -> Tensor:
        """What is compared, [B, C]."""
        return output.softmax(1) if self.classes else output

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """The mean squared distance of each row, [B]."""
        present = self.present(target)
        return (self.answer(only(output, present)) - only(target, present)).square().mean(1) * present


class MeanTeacher(Consistency):
    """The network's answer to the strong view is drawn to its teacher's answer to the weak one.

    Tarvainen and Valpola 2017, equations 1 and 2: the teacher's weights are the exponential moving average of the
    network's,

        theta'_t = a theta'_(t-1) + (1 - a) theta_t,        J = E |f(x, theta', eta') - f(x, theta, eta)|^2

    with a = min(decay, 1 - 1 / (t + 1)) at step t, as the authors' code has it, so that the first weights are soon
    forgotten. Averages of the batch-norm statistics are moved in the same way, and the teacher uses them (the
    authors' teacher normalises by its batch). The teacher's answer carries no gradient, so that what the
    hypergradient trains stays in the criterion. The authors ramp the weight of J up over the first epochs; here it
    is the combiner's.

    Args:
        width: Number of outputs of the main head.
        classes: Whether the outputs are logits of classes.
        decay: Largest value of a.

    Raises:
        ConfigError: A decay outside of [0, 1).

    >>> network = nn.Linear(1, 1, bias=False)
    >>> teacher = MeanTeacher(1, classes=False)
    >>> teacher.attach(network)
    >>> with torch.no_grad():
    ...     _ = network.weight.add_(4.0)
    >>> before = teacher.teacher.weight.item()
    >>> teacher.after_step(network)
    >>> round(teacher.teacher.weight.item() - before, 5)  # a is 1/2 at the first step
    2.0
    """

    compiles: ClassVar[bool] = False
    paper: ClassVar[Paper | None] = Paper(
        "Mean teachers are better role models",
        "Tarvainen, Valpola",
        2017,
        "https://arxiv.org/abs/1703.01780",
        "equations 1 and 2",
    )
    steps: Tensor

    def __init__(self, width: int, classes: bool, decay: float = 0.99) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ConfigError("The decay is out of range", expected="from 0 to below 1", found=f"{decay}")
        self.task = Distance("mean_teacher", width, classes)
        self.decay = float(decay)
        self.teacher: nn.Module = nn.Identity()
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @classmethod
    def build(cls, main: Task, *, decay: float = 0.99) -> "MeanTeacher":
        """A mean teacher for this main task."""
        return cls(main.width, isinstance(main, Classes), decay)

    def attach(self, network: nn.Module) -> None:
        """The teacher begins as the network is."""
        self.teacher = copy.deepcopy(network).eval().requires_grad_(False)

    def targets(self, batch: Batch, pairs: Tensor) -> Tensor:
        """The teacher's answers to the weak views, at the rows of the strong ones, float [B, C]; NaN elsewhere."""
        strong = (pairs >= 0).nonzero().squeeze(1)
        found = torch.full(
            (len(pairs), self.task.width), torch.nan, dtype=batch.x.dtype, device=batch.x.device
        )
        if len(strong) == 0:
            return found
        with torch.no_grad():
            output = self.teacher(batch.x[pairs[strong]])
        main = next(iter(output.values())) if isinstance(output, dict) else output
        return found.index_copy(0, strong, self.task.answer(main).to(found.dtype))  # type: ignore[operator]

    @torch.no_grad()
    def after_step(self, network: nn.Module) -> None:
        """Move the teacher towards the network."""
        self.steps += 1
        keep = min(self.decay, 1 - 1 / (int(self.steps) + 1))
        own = dict(self.teacher.named_parameters())  # tied weights once, so that they move once
        for name, value in network.named_parameters():
            own[name].lerp_(value.to(own[name]), 1 - keep)
        held = dict(self.teacher.named_buffers())
        for name, value in network.named_buffers():
            if value.is_floating_point() and name.rpartition(".")[2] in STATISTICS:
                held[name].lerp_(value.to(held[name]), 1 - keep)
            else:  # a mean of the unit vectors of spectral_norm is none, so such buffers are as the network's
                held[name].copy_(value)
