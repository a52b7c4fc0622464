"""The control of `candidates.py`: main labels inferred from the finer auxiliary by a table, then training on all rows.

    python benchmarks/inferred.py candidates.npz --results results/cifar100-candidates-10 --labels-per-class 10

The fine class determines the coarse one. So the labelled rows of each seed give a table, the most frequent coarse class
of each fine class among them, which labels every further row whose fine class occurs in it. One network is then trained
on these rows and the labelled ones, on the main task alone, with the settings of the comparison's single-task training
but for the batch, which holds as many rows as the comparison's labelled and unlabelled rows of a step together. Splits
are checked against the comparison's; differences are paired over its seeds.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from auxin.data import Dataset, Splits, load, make_splits
from auxin.judging.paired import paired
from auxin.records.results import RunResult
from auxin.requests.hyperparameters import Hyperparameters
from auxin.store import read_json
from auxin.strategies.base import SINGLE, Phase
from auxin.studies.fit_job import FitJob

FINE = "fine"


def inferred(dataset: Dataset, splits: Splits) -> tuple[Dataset, Splits]:
    """The data with coarse labels from a table of the labelled rows, and the splits in which these rows train."""
    fine, main = dataset.y[FINE], dataset.y[dataset.main]
    classes = dataset.tasks[dataset.main].width
    counts = torch.zeros(int(fine.max()) + 1, classes)
    counts.index_put_(
        (fine[splits.train], main[splits.train]), torch.ones(len(splits.train)), accumulate=True
    )
    known = counts.sum(1)[fine[splits.unlabelled]] > 0
    rows = splits.unlabelled[known]
    y = main.clone()
    y[splits.unlabelled] = -1
    y[rows] = counts.argmax(1)[fine[rows]]
    print(
        f"{int((counts.sum(1) > 0).sum())} fine classes in the table, {len(rows):,} rows inferred, "
        f"{float((y[rows] == main[rows]).float().mean()):.3f} of them right"
    )
    train = torch.cat([splits.train, rows])
    changed = replace(splits, train=train, unlabelled=splits.unlabelled[~known])
    return replace(dataset, y={**dataset.y, dataset.main: y}), changed


def score(path: Path, labels: int, result: RunResult) -> dict[str, float]:
    """The control's accuracy on both halves, on one seed's rows."""
    fine = [FINE, "level10", "place", "noisy", *(f"random{k}" for k in range(1, 11))]
    dataset = load(str(path), target="coarse", aux=",".join(fine))
    splits = make_splits(dataset, seed=result.seed, labels_per_class=labels).with_validation_in_train()
    if splits.hash != result.split_hash:
        raise SystemExit("These are not the rows of the comparison.")
    changed, roles = inferred(dataset, splits)
    batch, ratio = (float(str(result.settings[name])) for name in ("batch", "unlabelled_ratio"))
    settings = {
        **dict(Hyperparameters()),
        **result.settings,
        "batch": int(batch * (1 + ratio)),
        "pretexts": "none",
        "unlabelled_ratio": 0.0,
    }
    trained = replace(roles, validation=roles.validation[:0])
    job = FitJob(changed, trained, SINGLE, "single", settings, result.seed)
    run = job.build(Phase())
    job.train(run)
    scores = {half: job.score_on(run, getattr(splits, half)) for half in ("development", "confirmation")}
    print(f"seed {result.seed}: {scores}", flush=True)
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="what candidates.py wrote")
    parser.add_argument("--results", type=Path, required=True, help="the comparison's folder")
    parser.add_argument("--labels-per-class", type=int, required=True)
    given = parser.parse_args()
    files = sorted(given.results.glob("runs/final/single/final/seed-*/result.json"))
    found = [score(given.data, given.labels_per_class, read_json(file, RunResult)) for file in files]
    for half, name in (("development", "comparison"), ("confirmation", "confirmation")):
        own = np.array([scores[half] for scores in found])
        print(f"{half}: {100 * own.mean():.2f} ± {100 * own.std(ddof=1) / len(own) ** 0.5:.2f}")
        for row in json.loads((given.results / f"{name}.json").read_text())["rows"]:
            pair = paired(own, list(row["scores"].values()))
            interval = (
                ""
                if pair.low is None or pair.high is None
                else f" [{100 * pair.low:+.2f}, {100 * pair.high:+.2f}]"
            )
            print(f"  minus {row['method']}: {100 * pair.difference:+.2f}{interval}")


if __name__ == "__main__":
    main()
