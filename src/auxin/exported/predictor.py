"""The network as it is used: raw inputs in, calibrated probabilities or values out, nothing of the auxiliaries left."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from auxin.models.base import PrimaryNetwork
from auxin.tasks.base import Task


class Predictor(nn.Module):
    """The primary network's trunk and main head between the inputs' normalisation and the main task's outputs.

        outputs(x) = head(trunk((x - mean) / std)) / temperature,    missing inputs (NaN) read as the mean

    The temperature divides logits (Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 9), so it
    changes probabilities and never which class is the likeliest; it is 1 for tasks without logits.

    Args:
        trunk: normalised inputs to features.
        head: features to the main task's outputs.
        task: The main task.
        mean, std: Of the training rows, one per channel [C] or column [D], in the units of the inputs; where std
            is infinite, the input is not used.
        temperature: Positive.

    Inputs: float [B, D], NaN where missing; or [B, C, H, W] in the units of the stored pixels (0 to 255 for 8 bits).
    Outputs: probabilities [B, C] (for every attribute or pixel: [B, D], [B, C, H, W]), or values in the target's unit.

    >>> from auxin.tasks.classes import Classes
    >>> one = Predictor(nn.Identity(), nn.Identity(), Classes("y", 2), [1.0, 5.0], [2.0, float("inf")])
    >>> one(torch.tensor([[3.0, 7.0], [float("nan"), 0.0]]))
    tensor([[0.7311, 0.2689],
            [0.5000, 0.5000]])
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        trunk: nn.Module,
        head: nn.Module,
        task: Task,
        mean: Sequence[float] | Tensor,
        std: Sequence[float] | Tensor,
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        self.trunk, self.head, self.task = trunk, head, task
        self.temperature = float(temperature)
        for name, values in (("mean", mean), ("std", std)):
            constant = torch.as_tensor(values, dtype=torch.float32).detach().clone()
            self.register_buffer(name, constant, persistent=False)

    @classmethod
    def of(
        cls, network: PrimaryNetwork, task: Task, mean: Tensor, std: Tensor, temperature: float = 1.0
    ) -> "Predictor":
        """The part of a trained primary network that its main task needs, in evaluation mode."""
        made = cls(network.trunk, network.heads[task.name], task, mean, std, temperature)
        return made.eval().requires_grad_(False)

    def outputs(self, x: Tensor) -> Tensor:
        """What the main head puts out, over the temperature."""
        view = (1, -1) + (1,) * (x.dim() - 2)
        x = (x - self.mean.view(view)) / self.std.view(view)
        x = torch.where(torch.isnan(x), torch.zeros_like(x), x)
        return self.head(self.trunk(x)) / self.temperature

    def forward(self, x: Tensor) -> Tensor:
        """Raw inputs to probabilities, or to values in the target's unit."""
        return finished(self.task, self.outputs(x))


def finished(task: Task, outputs: Tensor) -> Tensor:
    """Probabilities where the task has them, else values in the target's unit."""
    probabilities = getattr(task, "probabilities", None)
    return task.predict(outputs) if probabilities is None else probabilities(outputs)
