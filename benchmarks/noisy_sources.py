"""Sources of unequal quality: a learned weight per source beside what a person would do with the same rows, on MNIST.

    python benchmarks/noisy_sources.py FOLDER --seeds 5
    python benchmarks/noisy_sources.py FOLDER --seeds 10 --confirm       # once: the other 6,000 test rows

FOLDER holds MNIST's four idx files. Four sources have 500 training rows each, in which 0, 30, 60 and 90 % of the
labels are another class's; 100 rows have right labels, and 100 more are for validation, on which each way's learning
rate and epoch are chosen. Every way trains the same network for the same number of steps.

| way | trains on | weights |
| --- | --- | --- |
| single | all rows | none |
| clean | clean rows alone | none |
| best_source | clean rows and one source, the best on validation | none |
| small_loss | all rows | 1 for the 55 % of each batch with the smallest losses (the share of right labels), else 0 |
| untrained | all rows, each source as a task of its own with the same output | equal |
| sources | the same | `softmax` over the sources, learned on the clean rows |
| meta_weight | all rows | per sample, learned on the clean rows |
| svc, forest, neighbours | all rows, scikit-learn's | none; two settings, chosen on validation |
"""

import argparse
import warnings
from pathlib import Path

import torch
from noisy_labels import BATCH, EPOCHS, RATES, estimators, loss, read, table
from torch import Tensor, nn
from torch.nn import functional as F

import auxin

WAYS = ("single", "clean", "best_source", "small_loss", "untrained", "sources", "meta_weight")
WRONG = (0.0, 0.3, 0.6, 0.9)
NAMES = ("y", *(f"source {k}" for k in range(len(WRONG))))
Rows = dict[str, tuple[Tensor, Tensor]]


def split(folder: Path, seed: int, confirm: bool) -> Rows:
    """The rows of one seed: sources by number, `clean`, `valid` and `test`."""
    (x, y), test = read(folder, "train"), read(folder, "t10k")
    generator = torch.Generator().manual_seed(seed)
    cuts = torch.randperm(len(x), generator=generator)[:2200].split([500] * 4 + [100] * 2)
    parts = {name: (x[cut], y[cut]) for name, cut in zip((*NAMES[1:], "clean", "valid"), cuts, strict=True)}
    for name, wrong in zip(NAMES[1:], WRONG, strict=True):
        inputs, labels = parts[name]
        other = (labels + torch.randint(1, 10, labels.shape, generator=generator)) % 10
        hit = torch.rand(labels.shape, generator=generator) < wrong
        parts[name] = (inputs, torch.where(hit, other, labels))
    part = slice(4000, None) if confirm else slice(4000)
    return parts | {"test": (test[0][part], test[1][part])}


def learner(way: str, network: nn.Module) -> auxin.Auxiliary:
    """A loop's loss: by source, or by sample."""
    if way == "meta_weight":
        return auxin.Auxiliary(network, main="y", tasks={"y": loss}, combiner=way, every=2, lr=0.3)
    targets = auxin.by_source(1, 2, NAMES)
    return auxin.Auxiliary(
        network, main="y", tasks=dict.fromkeys(NAMES, loss), targets=targets, every=2, lr=0.05
    )


def train(way: str, rate: float, rows: Rows, seed: int, used: tuple[str, ...]) -> tuple[float, float]:
    """Validation and test accuracy at the epoch that is best on validation."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)
    aux = learner(way, network)
    x, y = (torch.cat([rows[name][i] for name in used]) for i in (0, 1))
    source = torch.cat([torch.full((len(rows[name][1]),), k) for k, name in enumerate(used)])
    best, steps = (-1.0, -1.0), EPOCHS * 2100 // BATCH
    for step in range(1, steps + 1):
        chosen = torch.randint(len(x), (BATCH,))
        output, labels = network(x[chosen]), y[chosen]
        if way in ("untrained", "sources"):
            aux(output, (x[chosen], labels, source[chosen])).backward()
        elif way == "meta_weight":
            aux(output, (x[chosen], labels)).backward()
        elif way == "small_loss":
            right = 1 - sum(WRONG) / len(WRONG)
            loss(output, labels).sort().values[: round(BATCH * right)].mean().backward()
        else:
            F.cross_entropy(output, labels).backward()
        optimizer.step()
        optimizer.zero_grad()
        if way in ("sources", "meta_weight"):
            held = torch.randint(len(rows["clean"][0]), (BATCH,))
            aux.after_step(optimizer, (rows["clean"][0][held], rows["clean"][1][held]))
        if step % (steps // EPOCHS) == 0:
            scores = [
                (network(a).argmax(1) == b).float().mean().item() for a, b in (rows["valid"], rows["test"])
            ]
            best = max(best, (scores[0], scores[1]), key=lambda pair: pair[0])
    return best


def main() -> None:
    """Train every way on every seed and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--confirm", action="store_true", help="the test rows and seeds that no choice has seen"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    first = 100 if options.confirm else 0
    for seed in range(first, first + options.seeds):
        rows = split(options.folder, seed, options.confirm)
        for way in WAYS:
            sets = {"clean": [("clean",)], "best_source": [("clean", name) for name in NAMES[1:]]}
            tried = [
                train(way, rate, rows, seed, used)
                for rate in RATES
                for used in sets.get(way, [("clean", *NAMES[1:])])
            ]
            found[way].append(max(tried, key=lambda pair: pair[0])[1])
        for name, score in estimators(rows, ("clean", *NAMES[1:])).items():
            found.setdefault(name, []).append(score)
        print(seed, {way: round(scores[-1], 4) for way, scores in found.items()}, flush=True)
    print(table(found, "sources"))


if __name__ == "__main__":
    main()
