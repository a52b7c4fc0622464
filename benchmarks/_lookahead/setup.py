"""The networks, losses, optimisers and batches that every variant starts from."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from auxin import BilevelProblem
from auxin.models.base import PrimaryNetwork
from auxin.models.vgg16 import VGG16
from auxin.optimizers import InnerStep

PRIMARY, AUXILIARY = 20, 100
Batch = tuple[Tensor, Tensor]


def head(width: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, classes))


class Generator(nn.Module):
    """Soft labels within each primary class, by a network like the primary one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        trunk = VGG16.build((3, 32, 32), channel_width=width)
        self.net = nn.Sequential(trunk, head(trunk.width, AUXILIARY))

    def forward(self, batch: Batch) -> Tensor:
        x, y = batch
        mine = torch.arange(AUXILIARY) // (AUXILIARY // PRIMARY) == y[:, None]
        return self.net(x).masked_fill(~mine, -torch.inf).softmax(1)


def main_loss(signals: Any, batch: Batch) -> Tensor:
    return F.cross_entropy(signals["main"], batch[1])


def criterion(signals: dict[str, Tensor], batch: Batch, targets: Tensor) -> Tensor:
    log_p = signals["aux"].log_softmax(1)
    return main_loss(signals, batch) - (targets * (1 - log_p.exp()) ** 2 * log_p).sum(1).mean()


class Setup:
    """Networks, optimisers and two batches, alike for every variant."""

    def __init__(self, width: int, batch: int, dtype: torch.dtype = torch.float32) -> None:
        torch.manual_seed(0)
        trunk = VGG16.build((3, 32, 32), channel_width=width)
        heads = {"main": head(trunk.width, PRIMARY), "aux": head(trunk.width, AUXILIARY)}
        self.network = PrimaryNetwork(trunk, heads).to(dtype).train()
        self.generator = Generator(width).to(dtype).train()
        self.weights, self.phi = list(self.network.parameters()), list(self.generator.parameters())
        self.names = [name for name, _ in self.network.named_parameters()]
        self.sgd = torch.optim.SGD(self.weights, lr=0.01)
        self.meta = torch.optim.SGD(self.phi, lr=1e-3, weight_decay=5e-4)
        self.batch, self.next = [
            (torch.randn(batch, 3, 32, 32, dtype=dtype), torch.arange(batch) % 20) for _ in "ab"
        ]
        self.problem = BilevelProblem(
            self.network, criterion, main_loss, self.phi, context=self.generator, auxiliary=[self.generator]
        )
        self.step = InnerStep(self.sgd, self.weights)
        self.shared: tuple[Sequence[Tensor], dict[str, Tensor]] | None = None

    def at(self, params: Sequence[Tensor], x: Tensor) -> dict[str, Tensor]:
        buffers = {name: b.clone() for name, b in self.network.named_buffers()}
        return functional_call(self.network, {**dict(zip(self.names, params, strict=True)), **buffers}, (x,))

    def move(
        self, optimizer: torch.optim.Optimizer, params: Sequence[Tensor], grads: Sequence[Tensor]
    ) -> None:
        for p, g in zip(params, grads, strict=True):
            p.grad = g
        optimizer.step()
        optimizer.zero_grad()
