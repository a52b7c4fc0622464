"""
Your own PyTorch loop
=====================

A plain training loop on the digits data. 100 rows carry the main label, and 1,000 rows carry three
auxiliary labels, one of which is noise. The four lines that auxin adds or changes are marked. The learned
weights turn the noise down.
"""

import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader

import auxin  # auxin
from auxin.tasks.classes import Classes

EPOCHS = int(os.environ.get("AUXIN_EXAMPLE_EPOCHS", "30"))


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 128), nn.ReLU())
        self.heads = nn.ModuleDict({name: nn.Linear(128, task.width) for name, task in TASKS.items()})

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.trunk(x)
        return {name: head(features) for name, head in self.heads.items()}


TASKS = {"digit": Classes("digit", 10)} | {name: Classes(name, 2) for name in ("odd", "large", "noise")}


def rows() -> list[dict[str, torch.Tensor]]:
    data = load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(0)).tolist()
    x, y = torch.tensor(data.data[order]).float() / 16, torch.tensor(data.target[order])
    columns = {"x": x, "digit": y, "odd": y % 2, "large": (y > 4).long(), "noise": y.roll(1) % 2}
    return [{name: column[i] for name, column in columns.items()} for i in range(len(y))]


def main() -> None:
    torch.manual_seed(0)
    train, held_out, test = (rows()[part] for part in (slice(1000), slice(1000, 1100), slice(1100, None)))
    for row in train[100:]:
        row["digit"] = torch.tensor(-1)
    loader, meta = DataLoader(train, 50, shuffle=True), DataLoader(held_out, 100)
    network = Network()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    aux = auxin.Auxiliary(network, main="digit", tasks=TASKS, combiner="softmax", every=5, lr=0.05)  # auxin
    for _ in range(EPOCHS):
        for batch in loader:
            loss = aux(network(batch["x"]), batch)  # auxin
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            aux.after_step(optimizer, lambda: next(iter(meta)))  # auxin
    x, y = (torch.stack([row[name] for row in test]) for name in ("x", "digit"))
    print(f"test accuracy {(network(x)['digit'].argmax(1) == y).float().mean():.3f}")
    print("weights", {name: round(weight, 2) for name, weight in aux.weights().items()})


if __name__ == "__main__":
    main()
