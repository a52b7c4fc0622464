"""ConvNet: a convolutional network over the loss image, trained by the hypergradient."""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from auxin.combiners._network import INITS, positive
from auxin.combiners._weights import CONSTRAINTS, ConstrainedWeights, project_all
from auxin.combiners.base import LossCombiner, Options, TaskLosses, TrainedBy, choice, number
from auxin.errors import ConfigError
from auxin.paper import AUXILEARN, Paper


class ConvNet(LossCombiner):
    """L = m_0 + mean over the map of [ g(l; phi) - g(0; phi) ], g a CNN whose input has one channel of
    losses per task.

    Navon et al. 2021, section 3.2 (convolutional loss network), figure 3. As in the authors' code:
    convolution 3x3 to `width` channels, Softplus, 2x2 average pooling, convolution 3x3 to 2 * `width`,
    Softplus, pooling, convolution 1x1 to one channel, mean, plus the main loss. `sensitivities` is the
    paper's adaptive pixel-wise weight.

    Departures: borders are repeated, not padded with zeros, so that a constant loss image has a constant
    answer; g(0) is subtracted; the start is near `equal`: all auxiliaries weigh the same, `scale` on an
    image of ones (the authors draw the weights from U(0, 0.1)); each layer is learned at a rate of its own, see
    `ConstrainedWeights`. A missing pixel enters as its task's mean
    over the batch.

    Args:
        count: Number of tasks, the main one included.
        scale: Initial weight of every auxiliary task.
        width: Number of channels of the first layer.
        constraint: "clipped" (the paper's: negative weights become zero after each meta step), "positive"
            or "free".
        init: "even" (near `equal`), or "uniform": the authors', weights from U(0, `upper`) and biases of zero.
        upper: Upper end of that distribution.

    Raises:
        ConfigError: The losses are not images [B, T, H, W].

    >>> losses = TaskLosses(torch.ones(2, 3, 8, 8), torch.ones(2, 3, 8, 8) > 0, ("seg", "depth", "edges"))
    >>> [round(w, 3) for w in ConvNet(3, scale=0.5).task_weights(losses).tolist()]
    [1.0, 0.5, 0.5]
    """

    trained_by: ClassVar[TrainedBy] = TrainedBy.HYPERGRADIENT
    needs_images: ClassVar[bool] = True
    paper: ClassVar[Paper | None] = AUXILEARN
    published: ClassVar[Options] = {"init": "uniform", "upper": 0.1}

    def __init__(
        self,
        count: int,
        scale: float = 1.0,
        width: int = 8,
        constraint: str = "clipped",
        init: str = "even",
        upper: float = 0.1,
    ) -> None:
        super().__init__(count)
        choice("constraint", constraint, CONSTRAINTS)
        number("width", width, above=1)
        number("scale", scale, inclusive=False)
        number("upper", upper, inclusive=False)
        even = choice("init", init, INITS) == "even"
        kernels = _initial(count, width) if count > 1 else []
        start = torch.ones if even else torch.zeros
        self.biases = nn.ParameterList([start(width), start(2 * width)] if kernels else [])
        if even and kernels:
            kernels[-1] *= scale / self._slope(kernels)
        if not even:
            kernels = [kernel.uniform_(0, upper) for kernel in kernels]
        layers = len(kernels) if even else None
        self.layers = nn.ModuleList(ConstrainedWeights(kernel, constraint, layers) for kernel in kernels)
        if even:
            self.layer_rates = {f"biases.{i}": 1 / len(kernels) for i in range(len(self.biases))}

    def forward(self, losses: TaskLosses) -> Tensor:
        """The training loss, a scalar."""
        if losses.values.dim() != 4:
            wrong = "The ConvNet combiner sees loss images only"
            found = f"losses of shape {tuple(losses.values.shape)}"
            do = "Use `monotone` for losses per sample"
            raise ConfigError(wrong, expected="losses per pixel, [B, T, H, W]", found=found, do=do)
        main = self.check(losses).means()[0]
        if not len(self.layers):
            return main
        kernels = [layer() for layer in self.layers]
        image = losses.filled().to(kernels[0].dtype)
        return main + self._run(image, kernels) - self._run(torch.zeros_like(image[:1]), kernels)

    def after_meta_step(self) -> None:
        """Clip negative weights, where the constraint is clipping."""
        project_all(self)

    def _run(self, x: Tensor, kernels: list[Tensor]) -> Tensor:
        for kernel, bias in zip(kernels[:-1], self.biases, strict=True):
            x = F.softplus(F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, bias))
            x = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
        return F.conv2d(x, kernels[-1]).mean()

    def _slope(self, kernels: list[Tensor]) -> Tensor:
        with torch.enable_grad():
            ones = torch.ones(1, kernels[0].shape[1], 4, 4, requires_grad=True)
            slope = torch.autograd.grad(self._run(ones, kernels), ones)[0]
        return slope[0, -1].sum()


def _initial(count: int, width: int) -> list[Tensor]:
    first = positive(width, 1, 3, 3).expand(width, count - 1, 3, 3) / 9
    main = torch.zeros(width, 1, 3, 3)
    second = positive(2 * width, width, 3, 3) / (9 * width)
    return [torch.cat([main, first], 1), second, positive(1, 2 * width, 1, 1) / (2 * width)]
