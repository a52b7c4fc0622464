"""What learned weights over sources of soft labels are worth: against equal weights and the best single source.

    python benchmarks/sources.py DATA... [--seeds 10] [--half development]

DATA: digits, breast_cancer, wine (scikit-learn's own), or white_wine=FILE (UCI's table, three bands of quality). Prints
accuracy in per cent on one half of the test rows, and paired differences with 95 % t intervals over seeds.
"""

import argparse
import statistics
import sys
import time

import numpy as np
import torch
from scipy import stats
from sklearn import datasets

from auxin.data import Dataset, load, make_splits
from auxin.methods import resolve
from auxin.runs.build import build
from auxin.runs.settings import layered
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.training.evaluate import score
from auxin.training.loop import EpochCallbacks, fit

LABELS = {"digits": 10, "breast_cancer": 10, "wine": 5, "white_wine": 20}
"""Main labels per class, the rest of the training rows carrying none."""
COMMON = {"steps": 200, "batch": 25, "lr": 0.03, "model": "mlp", "model.hidden": 128, "model.norm": "batch"}
SOURCES = ("spread", "logistic", "forest")
EVERY = "+".join(SOURCES)
WAYS: dict[str, tuple[str, dict[str, object]]] = {
    "no soft labels": ("single", {}),
    **{f"{name} alone": ("untrained:sources", {"labeler.members": name}) for name in SOURCES},
    "equal weights": ("untrained:sources", {"labeler.members": EVERY, "labeler.weights": "equal"}),
    "cross-validated": ("untrained:sources", {"labeler.members": EVERY}),
    "learned from equal": ("sources", {"labeler.members": EVERY, "labeler.weights": "equal"}),
    "learned from cross-validated": ("sources", {"labeler.members": EVERY}),
    "the same, by row": ("sources", {"labeler.members": EVERY, "labeler.by_row": True}),
}


def data(name: str) -> Dataset:
    """A data set of vectors."""
    if name == "digits":
        return load("digits")
    key, _, file = name.partition("=")
    if key == "white_wine":
        table = np.genfromtxt(file, delimiter=",", skip_header=1)
        x, y = table[:, :-1], np.digitize(table[:, -1], [5.5, 6.5])
    else:
        x, y = getattr(datasets, f"load_{key}")(return_X_y=True)
    tasks: dict[str, Task] = {"class": Classes("class", int(y.max()) + 1)}
    nothing = torch.zeros(len(x), dtype=torch.bool)
    return Dataset(key, torch.tensor(x).float(), tasks, {"class": torch.tensor(y).long()}, "class", nothing)


def run(source: Dataset, way: str, seed: int, half: str) -> float:
    """One run's accuracy in per cent."""
    name, changed = WAYS[way]
    splits = make_splits(source, seed=seed, labels_per_class=LABELS[source.name]).with_validation_in_train()
    method = resolve(name)
    user = {**COMMON, **({"augmentation": "shift"} if source.name == "digits" else {}), **changed}
    settings = layered(source.name, source.modality, method, "auxin", user, {})  # type: ignore[arg-type]
    built = build(source, splits, method, settings, seed)
    fit(built.state, built.plan, EpochCallbacks())
    return 100 * score(built.network, built.pool, getattr(splits, half), built.task)


def interval(differences: list[float]) -> str:
    """Mean and 95 % t interval."""
    mean, error = statistics.mean(differences), statistics.stdev(differences) / len(differences) ** 0.5
    reach = float(stats.t.ppf(0.975, len(differences) - 1)) * error
    return f"{mean:+.2f} [{mean - reach:+.2f}, {mean + reach:+.2f}]"


def table(name: str, seeds: int, half: str) -> None:
    """Print one data set's table."""
    source, begun = data(name), time.process_time()
    found = {way: [run(source, way, seed, half) for seed in range(seeds)] for way in WAYS}
    best = max((f"{one} alone" for one in SOURCES), key=lambda way: statistics.mean(found[way]))
    print(
        f"\n{source.name}, {LABELS[source.name]} labels per class, {seeds} seeds, {half} rows; best source: {best}"
    )
    print("| weights | accuracy | minus equal | minus the best single source |\n| --- | --- | --- | --- |")
    for way, values in found.items():
        error = statistics.stdev(values) / seeds**0.5
        other = [
            interval([a - b for a, b in zip(values, found[w], strict=True)]) if w != way else "-"
            for w in ("equal weights", best)
        ]
        print(f"| {way} | {statistics.mean(values):.2f} ± {error:.2f} | {' | '.join(other)} |")
    print(f"CPU {time.process_time() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--half", choices=("development", "confirmation"), default="development")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for one in asked.data:
        table(one, asked.seeds, asked.half)
    sys.exit(0)
