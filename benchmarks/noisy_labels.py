"""Wrong labels: Meta-Weight-Net beside what a person would do with the same rows, on MNIST.

    python benchmarks/noisy_labels.py FOLDER --noise 0.4 --seeds 5
    python benchmarks/noisy_labels.py FOLDER --noise 0.4 --seeds 10 --confirm       # once: the other 6,000 test rows

FOLDER holds MNIST's four idx files. `--rows` training rows whose label is replaced by another class with probability
`--noise`, `--clean` rows whose labels are right, as many right labels again for validation, on which each way's
learning rate and epoch are chosen, and 4,000 test rows. Every way trains the same network for the same number of
steps. `small_loss` is told the noise.

| way | trains on | weights of samples |
| --- | --- | --- |
| single | noisy and clean rows | none |
| clean | clean rows alone | none |
| smoothing | noisy and clean rows | none; labels smoothed by 0.2 |
| small_loss | noisy and clean rows | 1 for the 1 - noise of each batch with the smallest losses, else 0 |
| untrained | noisy and clean rows | Meta-Weight-Net as it begins, a constant |
| meta_weight | noisy and clean rows, the clean ones being the meta batches too | learned |
| svc, forest, neighbours | noisy and clean rows, scikit-learn's | none; two settings, chosen on validation |
"""

import argparse
import gzip
import statistics
import warnings
from pathlib import Path

import numpy as np
import torch
from scipy.stats import t as student
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from torch import Tensor, nn
from torch.nn import functional as F

import auxin

WAYS = ("single", "clean", "smoothing", "small_loss", "untrained", "meta_weight")
RATES = (0.03, 0.1)
BATCH, EPOCHS = 100, 15


def read(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    """Images [N, 784] in [0, 1] and labels [N]."""
    kinds = ("images-idx3", "labels-idx1")
    raw = [gzip.decompress((folder / f"{part}-{kind}-ubyte.gz").read_bytes()) for kind in kinds]
    images = np.frombuffer(raw[0], np.uint8, offset=16).reshape(-1, 784)
    labels = np.frombuffer(raw[1], np.uint8, offset=8).astype(np.int64)
    return torch.from_numpy(images / np.float32(255)), torch.from_numpy(labels)


def estimators(rows: dict[str, tuple[Tensor, Tensor]], used: tuple[str, ...]) -> dict[str, float]:
    """Test accuracy of scikit-learn's estimators on the same rows, each with the better of two settings."""
    x, y = (np.concatenate([rows[name][i].numpy() for name in used]) for i in (0, 1))
    offered = {
        "svc": [SVC(C=1.0), SVC(C=10.0)],
        "forest": [ExtraTreesClassifier(500, min_samples_leaf=leaf, random_state=0) for leaf in (1, 5)],
        "neighbours": [KNeighborsClassifier(near) for near in (5, 20)],
    }
    found = {}
    for name, tried in offered.items():
        fitted = [each.fit(x, y) for each in tried]
        found[name] = max(
            (
                tuple(each.score(*(t.numpy() for t in rows[part])) for part in ("valid", "test"))
                for each in fitted
            ),
            key=lambda pair: pair[0],
        )[1]
    return found


def loss(output: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of each sample."""
    return F.cross_entropy(output, target, reduction="none")


def train(
    way: str, rate: float, noise: float, rows: dict[str, tuple[Tensor, Tensor]], seed: int
) -> tuple[float, float]:
    """Validation and test accuracy at the epoch that is best on validation."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)
    learned = auxin.Auxiliary(network, main="y", tasks={"y": loss}, combiner="meta_weight", every=2, lr=0.3)
    parts = [rows["clean"]] if way == "clean" else [rows["noisy"], rows["clean"]]
    x, y = (torch.cat([part[i] for part in parts]) for i in (0, 1))
    best, steps = (-1.0, -1.0), EPOCHS * (len(rows["noisy"][0]) + len(rows["clean"][0])) // BATCH
    for step in range(1, steps + 1):
        chosen = torch.randint(len(x), (BATCH,))
        batch = (x[chosen], y[chosen])
        optimizer.zero_grad()
        output = network(batch[0])
        if way in ("untrained", "meta_weight"):
            learned(output, batch).backward()
        elif way == "smoothing":
            F.cross_entropy(output, batch[1], label_smoothing=0.2).backward()
        elif way == "small_loss":
            loss(output, batch[1]).sort().values[: round(BATCH * (1 - noise))].mean().backward()
        else:
            loss(output, batch[1]).mean().backward()
        optimizer.step()
        if way == "meta_weight":
            held = torch.randint(len(rows["clean"][0]), (BATCH,))
            learned.after_step(optimizer, (rows["clean"][0][held], rows["clean"][1][held]))
        if step % (steps // EPOCHS) == 0:
            scores = [
                (network(a).argmax(1) == b).float().mean().item() for a, b in (rows["valid"], rows["test"])
            ]
            best = max(best, (scores[0], scores[1]), key=lambda pair: pair[0])
    return best


def split(
    folder: Path, sizes: tuple[int, int], noise: float, seed: int, confirm: bool
) -> dict[str, tuple[Tensor, Tensor]]:
    """The rows of one seed."""
    x, y = read(folder, "train")
    test = read(folder, "t10k")
    generator = torch.Generator().manual_seed(seed)
    order, (rows, clean) = torch.randperm(len(x), generator=generator), sizes
    cuts = order[: rows + 2 * clean].split([rows, clean, clean])
    parts = {
        name: (x[cut], y[cut].clone()) for name, cut in zip(("noisy", "clean", "valid"), cuts, strict=True)
    }
    wrong = torch.rand(rows, generator=generator) < noise
    other = (parts["noisy"][1] + torch.randint(1, 10, (rows,), generator=generator)) % 10
    parts["noisy"] = (parts["noisy"][0], torch.where(wrong, other, parts["noisy"][1]))
    part = slice(4000, None) if confirm else slice(4000)
    return {**parts, "test": (test[0][part], test[1][part])}


def main() -> None:
    """Train every way on every seed and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--noise", type=float, default=0.4)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--clean", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--confirm", action="store_true", help="the test rows and seeds that no choice has seen"
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    first = 100 if asked.confirm else 0
    for seed in range(first, first + asked.seeds):
        rows = split(asked.folder, (asked.rows, asked.clean), asked.noise, seed, asked.confirm)
        for way in WAYS:
            tried = [train(way, rate, asked.noise, rows, seed) for rate in RATES]
            found[way].append(max(tried, key=lambda pair: pair[0])[1])
        for name, score in estimators(rows, ("noisy", "clean")).items():
            found.setdefault(name, []).append(score)
        print(seed, {way: round(scores[-1], 4) for way, scores in found.items()}, flush=True)
    print(table(found, "meta_weight"))


def table(found: dict[str, list[float]], learned: str) -> str:
    """Each way's test accuracy over the seeds, and the learned way's paired differences with their 95 % t intervals."""
    lines = [f"\n| way | test accuracy | standard error | {learned} minus it |", "| --- | --- | --- | --- |"]
    for way, scores in found.items():
        apart = [a - b for a, b in zip(found[learned], scores, strict=True)]
        n, gain = len(scores), statistics.mean(apart)
        error, spread = ((statistics.stdev(v) / n**0.5 if n > 1 else 0.0) for v in (scores, apart))
        half = spread * float(student.ppf(0.975, max(1, n - 1)))
        shown = "" if way == learned else f"{gain:+.3f} ({gain - half:+.3f} to {gain + half:+.3f})"
        lines.append(f"| {way} | {statistics.mean(scores):.3f} | {error:.3f} | {shown} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
