"""Losses, gradients and a small multi-task network that the tests of combiners share."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from auxin.combiners.base import TaskLosses


def losses(values: Sequence[Sequence[float]] | Tensor, present: Tensor | None = None) -> TaskLosses:
    """Losses of tasks t0 (main), t1 ...; all present unless said otherwise, zero where they are not."""
    values = torch.as_tensor(values, dtype=torch.get_default_dtype())
    there = torch.ones(values.shape, dtype=torch.bool) if present is None else present
    return TaskLosses(values * there, there, tuple(f"t{k}" for k in range(values.shape[1])))


def random_losses(batch: int = 6, count: int = 3, seed: int = 0, missing: float = 0.0) -> TaskLosses:
    """Positive random losses; a share of them missing."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(batch, count, generator=generator, dtype=torch.float64) * 3 + 0.1
    present = torch.rand(batch, count, generator=generator) >= missing
    return losses(values.to(torch.get_default_dtype()), present)


def images(batch: int = 2, count: int = 3, side: int = 6, seed: int = 0, missing: float = 0.0) -> TaskLosses:
    """Random loss images."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(batch, count, side, side, generator=generator, dtype=torch.float64) + 0.1
    present = torch.rand(batch, count, side, side, generator=generator) >= missing
    return losses(values.to(torch.get_default_dtype()), present)


def gradients(count: int = 3, size: int = 7, seed: int = 0) -> Tensor:
    """Random task gradients, [T, P]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, size, generator=generator, dtype=torch.float64)


class TinyNet(nn.Module):
    """A shared layer and one linear head per task; `task_losses` are squared errors per sample."""

    def __init__(self, count: int = 3) -> None:
        super().__init__()
        self.shared = nn.Linear(4, 5)
        self.heads = nn.ModuleList(nn.Linear(5, 1) for _ in range(count))

    def task_losses(self, x: Tensor, targets: Tensor) -> TaskLosses:
        hidden = torch.tanh(self.shared(x))
        out = torch.cat([head(hidden) for head in self.heads], 1)
        values = (out - targets) ** 2
        return TaskLosses(values, torch.ones_like(values) > 0, tuple(f"t{k}" for k in range(values.shape[1])))

    def task_gradients(self, found: TaskLosses) -> Tensor:
        """Each task's gradient of its mean loss on the shared layer, [T, P]."""
        rows = []
        for mean in found.values.mean(0):
            grads = torch.autograd.grad(mean, list(self.shared.parameters()), retain_graph=True)
            rows.append(torch.cat([g.flatten() for g in grads]))
        return torch.stack(rows)

    def direction(self, loss: Tensor) -> Tensor:
        """The gradient of a loss on the shared layer, flat."""
        grads = torch.autograd.grad(loss, list(self.shared.parameters()), retain_graph=True)
        return torch.cat([g.flatten() for g in grads])


def net_and_losses(seed: int = 0, count: int = 3) -> tuple[TinyNet, TaskLosses, Tensor]:
    """A network, the losses of one batch, and the tasks' gradients on the shared layer."""
    torch.manual_seed(seed)
    net = TinyNet(count)
    found = net.task_losses(torch.randn(8, 4), torch.randn(8, count))
    return net, found, net.task_gradients(found)
