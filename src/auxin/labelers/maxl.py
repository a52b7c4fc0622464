"""MAXL: a network labels each sample within its primary class, learned so that the main task generalises."""

from dataclasses import replace

import torch
from torch import Tensor

from auxin.catalogue import check_choice
from auxin.errors import ConfigError
from auxin.labelers._generator import GeneratedLabels, LabelGenerator, build_generator
from auxin.labelers.base import LabelerContext
from auxin.math.label_entropy import batch_entropy, class_entropy
from auxin.paper import MAXL


class Maxl(GeneratedLabels):
    """The label-generation network of Meta AuXiliary Learning.

    Liu, Davison, Johns 2019, sections 3.1, 3.3 (mask softmax) and 3.4 (entropy loss, equation 7):

        y_aux = softmax over psi[y] of g(x; phi) / temperature
        R(phi) = entropy * sum_k ybar_k log ybar_k

    What it departs in from the paper and the authors' code:

    - The mask is -inf on the logits before a stable softmax (equation 6 as printed, and the code, leak or
      overflow).
    - Its norm layers use batch statistics always and keep no running averages, so it is a pure function of
      phi and the batch. Rows without a main label do not enter the network and get a row of NaN; with the
      shared softmax, which needs no main label, every row is labelled. In the authors' code the generator's
      running averages move, the network at W+ normalises by its batch alone, and each meta pass moves the primary
      network's running averages as well; here a meta step leaves them as they are.
    - `regulariser` and `penalty` carry their own weights only. The paper's preset adds them as they are; at
      small data an entropy weight of 0.2 makes every label uniform, so the training step may scale
      `regulariser` in proportion to the rate that scales the hypergradient.
    - The text speaks of an L1 norm with weight 5e-4, the code uses SGD's weight decay (L2): `penalty` has
      both, and none, which is the default because the optimiser of phi can hold the L2 one.

    Frozen (its parameters not trained) it is MAXL-F, the control that matters most.

    Args:
        generator: Label network with its masked softmax.
        entropy: Weight of the entropy term; 0 turns it off.
        entropy_form: "batch" (the paper's, over all auxiliary classes) or "class" (the mean over primary
            classes).
        penalty: "none", "l1" (weight * sum |phi|) or "l2" (weight / 2 * sum phi^2).
        penalty_weight: Weight of the penalty.

    Raises:
        ConfigError: An option is unknown, or the "class" form is asked for with the shared softmax.

    >>> import torch
    >>> from torch import nn
    >>> from auxin.math.hierarchy import Hierarchy
    >>> from auxin.typing import Batch
    >>> def trunk():
    ...     network = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
    ...     network.width = 8
    ...     return network
    >>> x, y, rows = torch.randn(5, 4), torch.tensor([0, 1, 1, 0, -1]), torch.arange(5)
    >>> context = LabelerContext("y", Hierarchy((2, 3)), x, {"y": y}, rows, trunk, seed=0)
    >>> targets = Maxl.build(context)(Batch(x, {"y": y}, rows))
    >>> targets.sum(dim=1).detach().round(decimals=4).tolist()
    [1.0, 1.0, 1.0, 1.0, nan]
    """

    paper = replace(MAXL, place="sections 3.3 and 3.4, equations 6 and 7")

    def __init__(
        self,
        generator: LabelGenerator,
        entropy: float = 0.2,
        entropy_form: str = "batch",
        penalty: str = "none",
        penalty_weight: float = 5e-4,
    ) -> None:
        super().__init__(generator)
        check_choice("entropy form", entropy_form, ["batch", "class"])
        check_choice("penalty", penalty, ["none", "l1", "l2"])
        if entropy_form == "class" and generator.softmax == "shared":
            raise ConfigError(
                "The per-class entropy needs labels that belong to one primary class",
                expected="softmax='masked' or entropy_form='batch'",
                found="softmax='shared' with entropy_form='class'",
            )
        self.entropy, self.entropy_form = entropy, entropy_form
        self.penalty_kind, self.penalty_weight = penalty, penalty_weight

    @classmethod
    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        context: LabelerContext,
        *,
        entropy: float = 0.2,
        entropy_form: str = "batch",
        softmax: str = "masked",
        hard: bool = False,
        temperature: float = 1.0,
        penalty: str = "none",
        penalty_weight: float = 5e-4,
        init: str = "xavier",
    ) -> "Maxl":
        """A fresh generator: a trunk of the context's kind, and a head as the trunk asks for.

        Args:
            context: The training rows, the hierarchy, the trunk, the seed.
            entropy: The weight of the entropy term.
            entropy_form: "batch" or "class".
            softmax: "masked", or "shared": all classes for every row, which the paper rejects.
            hard: one-hot labels with a straight-through gradient, which the paper rejects.
            temperature: Divisor of the logits.
            penalty: "none", "l1" or "l2".
            penalty_weight: Weight of the penalty.
            init: "xavier" (normal, zero biases; the authors' for this network), "default" (PyTorch's), both
                drawn by the labeler's own seed, or "trunk" (as the trunk comes).
        """
        generator = build_generator(
            context, "maxl", softmax=softmax, hard=hard, temperature=temperature, init=init
        )
        return cls(generator, entropy, entropy_form, penalty, penalty_weight)

    def regulariser(self, targets: Tensor) -> Tensor | None:
        """entropy * sum_k ybar_k log ybar_k, to be minimised: it raises the entropy of the mean label."""
        if self.entropy == 0:
            return None
        if self.entropy_form == "class":
            return self.entropy * class_entropy(targets, self.hierarchy)
        return self.entropy * batch_entropy(targets)

    def penalty(self) -> Tensor | None:
        """The norm of phi, weighted, or None."""
        parameters = [p for p in self.parameters() if p.requires_grad]
        if self.penalty_kind == "none" or not parameters:
            return None
        if self.penalty_kind == "l1":
            return self.penalty_weight * torch.stack([p.abs().sum() for p in parameters]).sum()
        return 0.5 * self.penalty_weight * torch.stack([p.square().sum() for p in parameters]).sum()
