"""AuxiLearn's label network for dense tasks: a soft label within its main class for every pixel or point."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from auxin.errors import ConfigError
from auxin.labelers._checks import check_finite, check_main
from auxin.labelers._generator import fresh_trunk, initialise, without_running_statistics
from auxin.labelers._seeding import seeded
from auxin.labelers.base import LABELS, Labeler, LabelerContext
from auxin.math.hierarchy import Hierarchy
from auxin.math.masked_softmax import check_temperature, masked_softmax
from auxin.math.tree import full_precision
from auxin.paper import AUXILEARN
from auxin.tasks.base import Task
from auxin.tasks.dense_classes import DenseClasses
from auxin.typing import MISSING, Batch


class AuxiLearnDense(Labeler):
    """Generates auxiliary segmentations; the main network predicts them beside the main one.

    Navon et al. 2021, appendix C.9, where a point cloud's points get the labels ("assigning a soft label
    vector to each point"); pixels here alike. With y_i the main class of pixel i,

        y_aux[:, i] = softmax over psi[y_i] of g(x; phi)[:, i] / temperature

    A pixel without a main label gets none (NaN), and an image without any does not enter the network. Norm
    layers use batch statistics always. The paper learns a separate labelling for each category of objects,
    with six classes; that is a psi of six where the main classes are parts of one category.

    Args:
        trunk: Inputs [B, C, ...] to features [B, width, ...], one per pixel.
        head: features [..., width] to K logits.
        hierarchy: Hierarchy psi, the number of auxiliary classes of each primary class.
        main: Name of the main task.
        temperature: Divisor of the logits.

    Raises:
        ConfigError: A trunk without a feature map, or an option that is not usable.
        RunError: In the forward, where a logit is not finite.

    >>> def trunk():
    ...     network = nn.Conv2d(3, 8, 3, padding=1)
    ...     network.width, network.dense = 8, True
    ...     return network
    >>> x, y, rows = torch.randn(2, 3, 4, 4), torch.zeros(2, 4, 4).long(), torch.arange(2)
    >>> context = LabelerContext("scene", Hierarchy.uniform(2, 3), x, {"scene": y}, rows, trunk, seed=0)
    >>> AuxiLearnDense.build(context)(Batch(x, {"scene": y}, rows)).shape
    torch.Size([2, 6, 4, 4])
    """

    learned = True
    paper = replace(AUXILEARN, place="appendix C.9")

    def __init__(
        self, trunk: nn.Module, head: nn.Module, hierarchy: Hierarchy, main: str, temperature: float = 1.0
    ) -> None:
        super().__init__()
        check_temperature(temperature)
        self.trunk, self.head = without_running_statistics(trunk), head
        self.hierarchy, self.classes = hierarchy, hierarchy.classes
        self.main, self.temperature = main, temperature

    @classmethod
    def why_not(cls, main: Task) -> str | None:
        """Why it cannot label for this main task, or None where it can."""
        return (
            None
            if isinstance(main, DenseClasses)
            else "it labels pixels, so the main task must be dense classes."
        )

    @classmethod
    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, context: LabelerContext, *, temperature: float = 1.0, init: str = "default"
    ) -> "AuxiLearnDense":
        """A fresh network: a trunk of the context's kind, and one linear layer per pixel.

        Args:
            context: The training rows, the hierarchy, the trunk, the seed.
            temperature: Divisor of the logits.
            init: "default" (PyTorch's) or "xavier", both drawn by the labeler's own seed, or "trunk".
        """
        check_main(context)
        trunk = fresh_trunk(context, "auxilearn_dense", init)
        if not getattr(trunk, "dense", False):
            expected = "one that puts out a feature map, such as segnet"
            raise ConfigError("The labeler's trunk puts out no map", expected=expected)
        width, classes = int(trunk.width), context.hierarchy.classes  # type: ignore[arg-type]
        head = seeded(lambda: nn.Linear(width, classes), context.seed, "auxilearn_dense/head")
        if init == "xavier":
            seeded(lambda: initialise(head, init), context.seed, "auxilearn_dense/head")
        return cls(trunk, head, context.hierarchy, context.main, temperature)

    def tasks(self, loss: str = "cross_entropy") -> dict[str, Task]:
        """One task of classes for every pixel."""
        return {LABELS: DenseClasses(LABELS, self.classes, loss=loss)}

    def forward(self, batch: Batch) -> Tensor:
        """The generated labels, [B, K, ...]; NaN at a pixel without a main label."""
        main = batch.y.get(self.main)
        if main is None:
            main = batch.rows.new_full((len(batch), *batch.x.shape[2:]), MISSING)
        some = (main >= 0).flatten(1).any(1)
        logits = self._logits(batch.x, some, main.shape[1:])
        allowed = self.hierarchy.mask(main.flatten())
        soft = masked_softmax(logits.flatten(0, -2), allowed, self.temperature)
        return soft.reshape(*main.shape, self.classes).movedim(-1, 1)

    def _logits(self, x: Tensor, some: Tensor, places: torch.Size) -> Tensor:
        """[B, ..., K]; zero in the rows that the network does not see."""
        if not bool(some.any()):
            anchor = torch.stack([p.flatten()[0] * 0.0 for p in self.parameters()]).sum()
            return anchor.expand(len(x), *places, self.classes)
        index = some.nonzero().squeeze(1)
        found = full_precision(self.head(self.trunk(x[index]).movedim(1, -1)))
        check_finite(found)
        return found.new_zeros(len(x), *places, self.classes).index_copy(0, index, found)
