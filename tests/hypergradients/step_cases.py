# ruff: noqa: NPY002  networks draw from NumPy's old random state, as many do
"""A small network, two losses weighed by phi, and the truth by the optimiser's own step."""

import random

import numpy as np
import torch
from torch import nn

from auxin.hypergradients import BilevelProblem, hypergradient
from real_step import differenced

D = torch.float64
ESTIMATORS = ({}, {"estimator": "finite_difference"}, {"estimator": "unrolled", "steps": 1})


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = nn.Linear(3, 6), nn.Linear(6, 2)
        self.made()
        self.to(D)

    def made(self):
        pass

    def forward(self, x):
        return self.head(self.a(x).tanh())

    def head(self, h):
        return self.b(h)


class Case:
    """Two losses weighed by phi, two steps of warming up, and everything put back before a real pass."""

    def __init__(self, net, make=lambda p: torch.optim.AdamW(p, 1e-2, weight_decay=0.1), parameters=None):
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)
        self.net, self.w = net, torch.zeros(2, dtype=D, requires_grad=True)
        self.train, self.meta = ((torch.randn(n, 3, dtype=D), torch.randn(n, 2, dtype=D)) for n in (8, 5))
        self.optimizer = make(list(net.parameters()) if parameters is None else parameters)
        for _ in range(2):
            self.optimizer.zero_grad()
            self.loss().backward()
            self.optimizer.step()
        self.optimizer.zero_grad()
        self.w.grad = None

    def criterion(self, out, batch):
        return ((out - batch[1]).pow(2).mean(0) * self.w.exp()).sum()

    def outer(self, out, batch):
        return (out - batch[1])[:, 0].pow(2).mean()

    def loss(self):
        return self.criterion(self.net(self.train[0]), self.train)

    def problem(self):
        return BilevelProblem(self.net, self.criterion, self.outer, [self.w])

    def found(self, **options):
        return hypergradient(
            self.problem(), self.train, self.meta, optimizer=self.optimizer, **options
        ).gradients[0]

    def truth(self, before=lambda: None):
        def outer():  # draws what follows the training pass
            before()
            with torch.enable_grad():
                return self.outer(self.net(self.meta[0]), self.meta)

        def loss():
            torch.manual_seed(7)
            before()
            return self.loss()

        return differenced(self.net, self.optimizer, self.w, loss, outer)
