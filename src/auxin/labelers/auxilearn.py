"""AuxiLearn: a teacher network gives each main class its own soft labels, learned on an auxiliary set."""

from dataclasses import replace

from auxin.labelers._generator import GeneratedLabels, build_generator
from auxin.labelers.base import LabelerContext
from auxin.paper import AUXILEARN


class AuxiLearn(GeneratedLabels):
    """The auxiliary network g(x; phi) of AuxiLearn, which produces pseudo labels for the primary network.

    Navon, Achituve, Maron, Chechik, Fetaya 2021, sections 3.3 and 5.4: a different auxiliary task for each
    main class, 5 classes each in all the paper's experiments (psi is the context's), the same architecture
    as the primary network, no entropy term:

        y_aux = softmax over psi[y] of g(x; phi) / temperature

    The authors' masked softmax subtracts the maximum over *all* classes and adds 1e-7 to the denominator, so
    a row can sum to far less than 1; ours is the stable one. Norm layers use batch statistics always; a row
    without a main label does not enter the network and gets a row of NaN. Weight decay belongs to the
    optimiser of phi.

    In the authors' label-learning code W of the hypergradient is the network without its auxiliary head, and the
    Neumann series takes the training rate as its alpha. The preset `paper` follows them
    (`estimator.parameters=outer`, `estimator.alpha=lr`). Elsewhere W is every trainable parameter, the auxiliary head
    among them, since the training loss depends on all of them, and alpha is chosen from the largest eigenvalue.

    Args:
        generator: Label network with its masked softmax.

    >>> import torch
    >>> from torch import nn
    >>> from auxin.math.hierarchy import Hierarchy
    >>> from auxin.typing import Batch
    >>> def trunk():
    ...     network = nn.Linear(4, 8)
    ...     network.width = 8
    ...     return network
    >>> x, y, rows = torch.randn(2, 4), torch.tensor([0, 1]), torch.arange(2)
    >>> context = LabelerContext("y", Hierarchy.uniform(2, 5), x, {"y": y}, rows, trunk, seed=0)
    >>> AuxiLearn.build(context)(Batch(x, {"y": y}, rows)).shape
    torch.Size([2, 10])
    """

    paper = replace(AUXILEARN, place="sections 3.3 and 5.4")

    @classmethod
    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, context: LabelerContext, *, temperature: float = 1.0, init: str = "default"
    ) -> "AuxiLearn":
        """A fresh generator: a trunk of the context's kind, and a head as the trunk asks for.

        Args:
            context: the training rows, the hierarchy, the trunk, the seed.
            temperature: Divisor of the logits.
            init: "default" (PyTorch's) or "xavier" (normal, zero biases), both drawn by the labeler's own
                seed, or "trunk" (as the trunk comes).
        """
        return cls(
            build_generator(
                context, "auxilearn", softmax="masked", hard=False, temperature=temperature, init=init
            )
        )
