"""A hundred attributes beside a main task: FAMO and DB-MTL beside plain weights and scikit-learn, on CIFAR-100.

    python benchmarks/many_tasks.py FOLDER --seeds 5

FOLDER holds `cifar100_train.npz` and `cifar100_test.npz` (arrays `images`, `labels`, `coarse_labels`). The main task is
the coarse class, one of 20. Each of the 100 fine classes is a binary attribute, as those of a data set of faces are: is
the picture of this class? 2,000 training rows and 1,000 validation rows, on which each way's learning rate and epoch
are chosen, and the official test rows (5,000 here). Pictures are averaged to 8 x 8; the network is 192-256-256 with 120
outputs. Every network takes the same number of steps of Adam, whose step does not depend on the weights' common factor:
those of FAMO sum to one and those of the others to the number of tasks, so that SGD at one rate would compare rates.

| way | trains on |
| --- | --- |
| single | the main task alone |
| fine | the main task and the fine classes as one task of 100 classes |
| small | the main task and 0.01 of each attribute's loss, so that all together count as one task |
| equal | the main task and every attribute, with equal weights |
| famo, db_mtl | the same, with these rules' weights |
| svc, forest, neighbours | the main task, scikit-learn's; two settings, chosen on validation |
| svc by fine class | the fine classes, and the coarse class of the answer |
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from noisy_labels import estimators, loss, table
from sklearn.svm import SVC
from torch import Tensor, nn
from torch.nn import functional as F

import auxin
from auxin.combiners.equal import Equal
from auxin.errors import RunError

WAYS = ("single", "fine", "small", "equal", "famo", "db_mtl")
ATTRIBUTES = tuple(f"attribute {k}" for k in range(100))
RATES, BATCH, EPOCHS = (0.0003, 0.001, 0.003), 100, 15
Rows = dict[str, tuple[Tensor, Tensor, Tensor]]


def read(folder: Path, part: str) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures [N, 192], coarse and fine classes [N]."""
    with np.load(folder / f"cifar100_{part}.npz", allow_pickle=False) as held:
        images = torch.from_numpy(held["images"]).permute(0, 3, 1, 2).float() / 255
        coarse, fine = (torch.from_numpy(held[key].astype(np.int64)) for key in ("coarse_labels", "labels"))
    return F.avg_pool2d(images, 4).flatten(1), coarse, fine


def split(folder: Path, seed: int) -> Rows:
    """The rows of one seed."""
    whole = read(folder, "train")
    order = torch.randperm(len(whole[0]), generator=torch.Generator().manual_seed(seed))
    parts = {"train": order[:2000], "valid": order[2000:3000]}
    middle, spread = whole[0][parts["train"]].mean(0), whole[0][parts["train"]].std(0)
    rows = {name: (whole[0][cut], whole[1][cut], whole[2][cut]) for name, cut in parts.items()}
    return {
        name: ((x - middle) / spread, coarse, fine)
        for name, (x, coarse, fine) in {**rows, "test": read(folder, "test")}.items()
    }


def binary(output: Tensor, target: Tensor) -> Tensor:
    """Logistic loss of each sample."""
    return F.binary_cross_entropy_with_logits(output, target, reduction="none")


def outputs(found: Tensor) -> dict[str, Tensor]:
    """Outputs by task."""
    columns = found[:, 20:].unbind(1)
    return {"coarse": found[:, :20], "fine": found[:, 20:], **dict(zip(ATTRIBUTES, columns, strict=True))}


def learner(way: str, network: nn.Module) -> auxin.Auxiliary:
    """A loop's loss."""
    auxiliary = {"single": {}, "fine": {"fine": loss}}.get(way, dict.fromkeys(ATTRIBUTES, binary))
    combiner = {"single": "equal", "fine": "equal", "small": Equal(1 + len(ATTRIBUTES), scale=0.01)}.get(
        way, way
    )
    return auxin.Auxiliary(
        network, main="coarse", tasks={"coarse": loss, **auxiliary}, combiner=combiner, outputs=outputs
    )


def train(way: str, rate: float, rows: Rows, seed: int) -> tuple[float, float]:
    """Validation and test accuracy of the main task at the epoch that is best on validation."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Linear(192, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 120)
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    aux = learner(way, network)
    x, coarse, fine = rows["train"]
    attributes = F.one_hot(fine, 100).float()
    best = (-1.0, -1.0)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(x)).split(BATCH):
            targets = dict(zip(ATTRIBUTES, attributes[chosen].unbind(1), strict=True))
            batch = (x[chosen], {"coarse": coarse[chosen], "fine": fine[chosen], **targets})
            aux(network(batch[0]), batch).backward()
            optimizer.step()
            optimizer.zero_grad()
            aux.after_step(optimizer)
        scores = [
            (network(a)[:, :20].argmax(1) == b).float().mean().item()
            for a, b, _ in (rows["valid"], rows["test"])
        ]
        best = max(best, (scores[0], scores[1]), key=lambda pair: pair[0])
    return best


def trained(way: str, rate: float, rows: Rows, seed: int) -> tuple[float, float]:
    """The same; a rate at which training diverges is the worst."""
    try:
        return train(way, rate, rows, seed)
    except RunError:
        return -1.0, -1.0


def by_fine_class(rows: Rows) -> float:
    """Test accuracy of a support vector machine on fine classes, whose answers are turned into coarse ones."""
    x, coarse, fine = (t.numpy() for t in rows["train"])
    coarse_of = dict(zip(fine.tolist(), coarse.tolist(), strict=True))
    found = []
    for penalty in (1.0, 10.0):
        fitted = SVC(C=penalty).fit(x, fine)
        found.append(
            [
                float(
                    np.mean(
                        [coarse_of[k] for k in fitted.predict(rows[part][0].numpy())] == rows[part][1].numpy()
                    )
                )
                for part in ("valid", "test")
            ]
        )
    return max(found)[1]


def main() -> None:
    """Train every way on every seed and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    found: dict[str, list[float]] = {}
    for seed in range(asked.seeds):
        rows, start = split(asked.folder, seed), time.process_time()
        for way in WAYS:
            tried = [trained(way, rate, rows, seed) for rate in RATES]
            found.setdefault(way, []).append(max(tried, key=lambda pair: pair[0])[1])
        main_task = {name: part[:2] for name, part in rows.items()}
        for name, score in estimators(main_task, ("train",)).items():
            found.setdefault(name, []).append(score)
        found.setdefault("svc by fine class", []).append(by_fine_class(rows))
        last = {way: round(scores[-1], 4) for way, scores in found.items()}
        print(seed, last, f"{time.process_time() - start:.0f} CPU s", flush=True)
    print(table(found, "famo"), table(found, "db_mtl"))


if __name__ == "__main__":
    main()
