"""Label spreading over the network's own features, again while it is trained (Iscen et al. 2019)."""

from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from auxin.sources.base import SourceInputs, check_network
from auxin.sources.spread import Spread, spread


class FeatureSpread(Spread):
    """Labels spread over the graph of nearest neighbours of what the trunk makes of the inputs.

    Iscen, Tolias, Avrithis, Chum 2019, "Label Propagation for Deep Semi-supervised Learning", section 3.2, with
    features of length 1, so that the nearest neighbours are those of the greatest cosine. The graph's weights are 1
    rather than a power of the cosine, and alpha is 0.2 rather than 0.99, as in `spread`.

    Args:
        neighbours: Number of neighbours of each row.
        alpha: Weight alpha of the neighbours in each row's distribution.
    """

    follows: ClassVar[bool] = True

    def begin(self, known: SourceInputs) -> Tensor:
        """Before there are features the labels spread over the inputs."""
        return super().guess(known)

    def guess(
        self, known: SourceInputs, features: Tensor | None = None, outputs: Tensor | None = None
    ) -> Tensor:
        """Distributions by spreading over the features."""
        del outputs
        points = functional.normalize(check_network("features", features).double().flatten(1), dim=1)
        return spread(points, known.y, known.classes, self.neighbours, self.alpha)
