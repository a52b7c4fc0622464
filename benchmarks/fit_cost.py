"""What `auxin fit` and `auxin predict` cost on a made table of 2,000 rows by 20 columns, 200 of them labelled.

    OMP_NUM_THREADS=1 python benchmarks/fit_cost.py --rounds 3 --base OTHER_CHECKOUT

Each command runs in a process of its own, in turn with the other checkout's, and the least CPU seconds (user and
system) of the rounds count. The score is the accuracy on the 1,800 rows whose labels were withheld; predictions are of
5,000 rows without labels.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
from sklearn.datasets import make_classification

LABELLED, PREDICTED = 200, 5000


def tables(folder: Path, rows: int) -> pd.Series:
    """Write the training table, the rows to be scored and those to be predicted; return the withheld labels."""
    x, y = make_classification(rows, 20, n_informative=8, n_classes=3, n_clusters_per_class=2, random_state=0)
    whole = pd.DataFrame(x, columns=[f"x{k}" for k in range(20)])
    whole["aux"] = (2 * x[:, 0] + x[:, 1]).round(4)
    names = pd.Series([f"class {k}" for k in y])
    whole.assign(y=names.where(names.index < LABELLED, "")).to_csv(folder / "train.csv", index=False)
    whole[LABELLED:].to_csv(folder / "rest.csv", index=False)
    pd.concat([whole] * (PREDICTED // rows + 1))[:PREDICTED].to_csv(folder / "many.csv", index=False)
    return names[LABELLED:]


def cpu(checkout: Path, *words: str | Path) -> float:
    """Run a command of this checkout; return its CPU seconds."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "auxin", *map(str, words)],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(checkouts: list[Path], rounds: int, rows: int) -> list[tuple[float, float, float]]:
    """CPU seconds of fit and of predict, and the accuracy, for each checkout."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = tables(folder, rows).to_numpy()
        fits, predictions = [[[] for _ in checkouts] for _ in range(2)]
        for turn in range(rounds):
            for number, checkout in enumerate(checkouts):
                out = folder / f"model-{number}-{turn}"
                words = (folder / "train.csv", "--target", "y", "--aux", "aux")
                fits[number].append(cpu(checkout, "fit", *words, "--out", out))
                many = folder / f"many-{number}-{turn}.csv"
                predictions[number].append(cpu(checkout, "predict", out, folder / "many.csv", "--out", many))
        scores = []
        for number, checkout in enumerate(checkouts):
            file = folder / f"rest-{number}.csv"
            cpu(checkout, "predict", folder / f"model-{number}-0", folder / "rest.csv", "--out", file)
            scores.append(float((pd.read_csv(file)["prediction"].to_numpy() == truth).mean()))
    return [(min(f), min(p), s) for f, p, s in zip(fits, predictions, scores, strict=True)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each command")
    parser.add_argument("--base", type=Path, help="another checkout, measured in turn with this one")
    parser.add_argument("--rows", type=int, default=2000, help="rows of the table")
    given = parser.parse_args()
    here = Path(__file__).resolve().parents[1]
    checkouts = [here, *([given.base] if given.base else [])]
    print(
        "| checkout | fit, CPU s | predict 5,000 rows, CPU s | accuracy on withheld labels |\n|---|---|---|---|"
    )
    found = measured(checkouts, given.rounds, given.rows)
    for label, (fit, predict, score) in zip(("this", "other"), found, strict=False):
        print(f"| {label} | {fit:.1f} | {predict:.1f} | {score:.3f} |")


if __name__ == "__main__":
    main()
