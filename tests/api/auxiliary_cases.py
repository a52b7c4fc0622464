"""A small network with a trunk, a head for each task, batch norm and dropout; and batches for it."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from auxin.api.auxiliary import Auxiliary
from auxin.tasks.classes import Classes

NAMES = ("main", "near", "far")


class Net(nn.Module):
    def __init__(self, names=NAMES, dropout=0.0, norm=False):
        super().__init__()
        self.trunk = nn.Linear(5, 7)
        self.norm = nn.BatchNorm1d(7) if norm else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({name: nn.Linear(7, 3) for name in names})

    def forward(self, x):
        hidden = self.dropout(torch.tanh(self.norm(self.trunk(x))))
        return {name: head(hidden) for name, head in self.heads.items()}


def net(seed=0, **options):
    torch.manual_seed(seed)
    return Net(**options).double()


def batch(seed=0, rows=12, names=NAMES):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 5, generator=random, dtype=torch.float64)
    return {"x": x} | {name: torch.randint(0, 3, (rows,), generator=random) for name in names}


def classes(names=NAMES):
    return {name: Classes(name, 3, loss="cross_entropy") for name in names}


def functions(names=NAMES):
    return dict.fromkeys(names, F.cross_entropy)


def make(model, tasks=None, main="main", **options):
    aux = Auxiliary(model, main=main, tasks=tasks or classes(), **options)
    aux.combiner.double()
    return aux


def step(aux, model, optimizer, data, meta=None):
    loss = aux(model(data["x"]), data)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    aux.after_step(optimizer, meta)
    return loss.detach()


def steps(aux, model, optimizer, count):
    for seed in range(count):
        step(aux, model, optimizer, batch(seed), batch(9))


def snapshot(model, optimizer):
    return copy.deepcopy(
        {
            "model": model.state_dict(),
            "grads": [None if p.grad is None else p.grad for p in model.parameters()],
            "optimizer": optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "training": [m.training for m in model.modules()],
        }
    )


def identical(one, other):
    """Bit for bit, trees of tensors."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(identical(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(identical(a, b) for a, b in zip(one, other, strict=True))
    return one == other
