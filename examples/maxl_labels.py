"""
Labels that a network makes up
==============================

MAXL in a loop of your own. A second network makes auxiliary labels, and `auxin.hypergradient` trains it to
help the main task. Each digit gets three auxiliary classes.
"""

import os

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import auxin
from auxin.math.hierarchy import Hierarchy
from auxin.math.masked_softmax import masked_softmax
from auxin.tasks.classes import Classes

STEPS = int(os.environ.get("AUXIN_EXAMPLE_STEPS", "300"))
PSI = Hierarchy.uniform(10, 3)  # three auxiliary classes for each digit
DIGIT, LABELS = Classes("digit", 10), Classes("labels", PSI.classes)


def multilayer(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, width))


def main() -> None:
    torch.manual_seed(0)
    data = load_digits()
    x, y = torch.tensor(data.data).float() / 16, torch.tensor(data.target)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    train, test = order[:200], order[500:]
    network = multilayer(10 + PSI.classes)  # its outputs: digits, then made-up labels
    generator = multilayer(PSI.classes)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    meta_optimizer = torch.optim.Adam(generator.parameters(), lr=1e-3)

    def targets(batch: tuple[Tensor, Tensor]) -> Tensor:
        return masked_softmax(generator(batch[0]), PSI.mask(batch[1]))

    def training_loss(out: Tensor, batch: tuple[Tensor, Tensor], made_up: Tensor) -> Tensor:
        return (DIGIT.loss(out[:, :10], batch[1]) + LABELS.loss(out[:, 10:], made_up)).mean()

    def main_loss(out: Tensor, batch: tuple[Tensor, Tensor]) -> Tensor:
        return DIGIT.loss(out[:, :10], batch[1]).mean()

    problem = auxin.BilevelProblem(network, training_loss, main_loss, generator.parameters(), context=targets)
    for _ in range(STEPS):
        some = train[torch.randperm(len(train))[:100]]
        batch, meta = (x[some[:50]], y[some[:50]]), (x[some[50:]], y[some[50:]])
        gradient = auxin.training_gradient(problem, batch)  # serves both steps
        found = auxin.hypergradient(problem, batch, meta, optimizer=optimizer, gradient=gradient)
        for parameter, grad in zip(generator.parameters(), found.gradients, strict=True):
            parameter.grad = grad
        meta_optimizer.step()
        for parameter, grad in zip(network.parameters(), gradient.gradients, strict=True):
            parameter.grad = grad
        optimizer.step()
    print(f"test accuracy {(network(x[test])[:, :10].argmax(1) == y[test]).float().mean():.3f}")


if __name__ == "__main__":
    main()
