"""What MAXL's and AuxiLearn's label generators share: a network with a masked softmax, and its parts."""

import torch
from torch import Tensor, nn

from auxin.catalogue import check_choice
from auxin.labelers._checks import check_finite, check_main, main_labels
from auxin.labelers._seeding import seeded
from auxin.labelers.base import Labeler, LabelerContext
from auxin.math.deferred import holds
from auxin.math.hierarchy import Hierarchy
from auxin.math.lean import lean
from auxin.math.masked_softmax import check_temperature, masked_softmax, shared_softmax, straight_through
from auxin.math.tree import full_precision
from auxin.typing import Batch


class LabelGenerator(nn.Module):
    """g(x, y, psi; phi): a trunk and a head of its own, then the masked softmax.

    It is a pure function of phi and the batch: norm layers use the statistics of the batch, in training and
    in evaluation mode alike, and keep no running averages. Only rows that have a main label enter the
    network (all rows, with the shared softmax), so the batch statistics are theirs, and the label of a row
    does not depend on the unlabelled rows beside it. A single such row is put in twice, because batch norm
    refuses a batch of one.

    Args:
        trunk: Network from inputs to features.
        head: Network from features to K logits.
        hierarchy: Hierarchy psi, the number of auxiliary classes of each primary class.
        main: Name of the main task.
        softmax: Kind of softmax: "masked" or "shared".
        hard: Whether the labels are one-hot, with a straight-through gradient.
        temperature: Divisor of the logits.

    Raises:
        ConfigError: An option is not usable.
        RunError: In the forward, where a logit is not finite (it would pass for a missing label).
    """

    def __init__(
        self,
        trunk: nn.Module,
        head: nn.Module,
        hierarchy: Hierarchy,
        main: str,
        softmax: str = "masked",
        hard: bool = False,
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        check_choice("softmax", softmax, ["masked", "shared"])
        check_temperature(temperature)
        self.trunk, self.head = without_running_statistics(trunk), head
        self.hierarchy, self.main = hierarchy, main
        self.softmax, self.hard, self.temperature = softmax, hard, temperature

    def forward(self, batch: Batch) -> Tensor:
        """Targets [B, K]; with the masked softmax a row without a main label is NaN."""
        main = main_labels(batch, self.main)
        if self.softmax == "shared":
            soft = shared_softmax(
                self.logits(batch.x, torch.ones_like(main, dtype=torch.bool)), self.temperature
            )
        else:
            logits = self.logits(batch.x, main >= 0)
            soft = masked_softmax(logits, self.hierarchy.mask(main), self.temperature)
        return straight_through(soft) if self.hard else soft

    def logits(self, x: Tensor, chosen: Tensor) -> Tensor:
        """The chosen rows' logits, [B, K]; zero in the other rows, which the network never sees."""
        if x.shape[0] > 1 and holds(chosen, "every row has a main label"):
            return self._finite(x)
        index = chosen.nonzero().squeeze(1)
        count = index.shape[0]
        if count == 0:
            return self._anchor().expand(x.shape[0], self.hierarchy.classes)
        rows = x[index]
        rows = rows if count > 1 else rows.repeat_interleave(2, dim=0)
        found = self._finite(rows)[:count]
        return found.new_zeros(x.shape[0], found.shape[1]).index_copy(0, index, found)

    def _finite(self, x: Tensor) -> Tensor:
        with lean(self):  # the graph waits for the end of the meta step
            found = full_precision(self.head(self.trunk(x)))  # the softmax is never in sixteen bits
        check_finite(found)
        return found

    def _anchor(self) -> Tensor:
        """A zero that depends on every parameter, so that a batch without labels has a gradient: zero."""
        zeros = [p.flatten()[:1].sum() * 0.0 for p in self.parameters()]
        return torch.stack(zeros).sum().reshape(1, 1)


class GeneratedLabels(Labeler):
    """A labeler whose targets are those of a generator.

    Args:
        generator: The network.
    """

    learned = True

    def __init__(self, generator: LabelGenerator) -> None:
        super().__init__()
        self.generator, self.hierarchy = generator, generator.hierarchy
        self.classes = generator.hierarchy.classes

    def forward(self, batch: Batch) -> Tensor:
        """The generated labels, [B, K]."""
        return self.generator(batch)


def build_generator(
    context: LabelerContext, name: str, *, softmax: str, hard: bool, temperature: float, init: str
) -> LabelGenerator:
    """A fresh generator, initialised by its own fork of the seed; the global random state stays as it was."""
    check_main(context)
    trunk = fresh_trunk(context, name, init)
    head = seeded(lambda: make_head(trunk, context.hierarchy.classes), context.seed, f"{name}/head")
    seeded(lambda: initialise(head, "default" if init == "trunk" else init), context.seed, f"{name}/head")
    return LabelGenerator(trunk, head, context.hierarchy, context.main, softmax, hard, temperature)


def fresh_trunk(context: LabelerContext, name: str, init: str) -> nn.Module:
    """A trunk of the context's kind, initialised by this labeler's own fork of the seed."""
    check_choice("init", init, ["xavier", "default", "trunk"])
    trunk = seeded(context.trunk, context.seed, f"{name}/trunk")
    seeded(lambda: initialise(trunk, init), context.seed, f"{name}/weights")
    return trunk


def make_head(trunk: nn.Module, classes: int) -> nn.Module:
    """features-hidden-K with ReLU where the trunk asks for a two-layer head, else one linear layer."""
    width, hidden = int(trunk.width), int(getattr(trunk, "head_width", 0))  # type: ignore[arg-type]
    if hidden <= 0:
        return nn.Linear(width, classes)
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, classes))


def initialise(network: nn.Module, init: str) -> None:
    """Draw the weights afresh, so that they are not the primary network's: as PyTorch does, or Xavier's way.

    "xavier" is the MAXL authors' initialisation of this network: normal weights, zero biases, norm layers as
    PyTorch's.
    """
    for module in network.modules():
        reset = getattr(module, "reset_parameters", None)
        if init != "trunk" and callable(reset):
            reset()
        if init == "xavier" and isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
            nn.init.xavier_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def without_running_statistics(network: nn.Module) -> nn.Module:
    """The same network whose batch and instance norms always use the batch's statistics, keeping none."""
    for module in network.modules():
        if getattr(module, "track_running_stats", False):
            module.track_running_stats = False  # type: ignore[assignment]
            for buffer in ("running_mean", "running_var", "num_batches_tracked"):
                setattr(module, buffer, None)
    return network
