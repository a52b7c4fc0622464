"""`auxin fit` on photographs with few labels, beside scikit-learn on pixels and on scikit-image's features of edges.

    OMP_NUM_THREADS=1 python benchmarks/photographs.py --shared DIR --only cifar10 --draws 0,1
    OMP_NUM_THREADS=1 python benchmarks/photographs.py --shared DIR --no-fit    # the estimators alone, seconds a draw

A draw shuffles all images of a set: 1,000 are new rows, 2,000 are training rows, of which the first few have a label.
`fit` sees them through a file, as a user's. The estimators learn from the labelled rows; support vectors choose C by
three-fold cross-validation. `hog` is scikit-image's histogram of oriented gradients (cells of a quarter of the image,
blocks of two by two) in front of support vectors. It takes part where scikit-image is installed.
"""

import argparse
import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

NEW, TRAIN = 1000, 2000
LABELS = {"cifar10": 150, "cifar100": 200, "fashion": 100, "omniglot": 160}
TRIES = {"svc__C": [1, 10]}


def images_of(name: str, shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """A set's images and classes."""
    if name == "cifar10":
        parts = [np.load(shared / f"cifar10/cifar10_{part}.npz") for part in ("train", "test")]
        return np.concatenate([p["images"] for p in parts]), np.concatenate([p["labels"] for p in parts])
    if name == "fashion":
        folder = shared / "fashion_mnist"
        pixels = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes())
        images = np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 28, 28)
        return images, np.frombuffer(labels, np.uint8, offset=8)
    if name == "cifar100":
        stored = np.load(shared / "cifar100/cifar100_train.npz")
        return stored["images"], stored["coarse_labels"]
    stored = np.load(next((shared / "omniglot").glob("*.npz")))
    return stored["images"], stored["coarse_labels"]


def edges(x: np.ndarray) -> np.ndarray:
    """Scikit-image's histograms of oriented gradients of images [N, H, W] or [N, H, W, C]."""
    from skimage.feature import hog  # pyright: ignore[reportMissingImports]

    cell = (x.shape[1] // 4, x.shape[2] // 4)
    channel = None if x.ndim == 3 else -1
    return np.stack(
        [hog(image, pixels_per_cell=cell, cells_per_block=(2, 2), channel_axis=channel) for image in x]
    )


def flat(x: np.ndarray) -> np.ndarray:
    """Pixels as vectors, from 0 to 1."""
    return x.reshape(len(x), -1) / 255.0


def estimators() -> Iterator[tuple[str, Pipeline | GridSearchCV]]:
    """What `fit` stands beside."""
    pixels = FunctionTransformer(flat)
    yield "support vectors", GridSearchCV(make_pipeline(pixels, StandardScaler(), SVC()), TRIES, cv=3)
    yield "extra trees", make_pipeline(pixels, ExtraTreesClassifier(500, random_state=0))
    yield "random forest", make_pipeline(pixels, RandomForestClassifier(500, random_state=0))
    yield "logistic", make_pipeline(pixels, StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
    if find_spec("skimage"):
        yield (
            "hog",
            GridSearchCV(make_pipeline(FunctionTransformer(edges), StandardScaler(), SVC()), TRIES, cv=3),
        )


def fitted(
    folder: Path, x: np.ndarray, y: np.ndarray, new: np.ndarray, budget: str
) -> tuple[np.ndarray, float]:
    """The predictions of `auxin fit` for new rows, and the wall seconds of the training."""
    np.savez(folder / "train.npz", x=x, target=y)
    np.savez(folder / "new.npz", x=new)
    auxin, model = [sys.executable, "-m", "auxin"], str(folder / "model")
    begun = time.monotonic()
    options = ["--target", "target", "--inputs", "x", "--budget", budget, "--out", model]
    subprocess.run([*auxin, "fit", str(folder / "train.npz"), *options], check=True, capture_output=True)
    seconds = time.monotonic() - begun
    out = folder / "predictions.csv"
    subprocess.run(
        [*auxin, "predict", model, str(folder / "new.npz"), "--out", str(out)],
        check=True,
        capture_output=True,
    )
    return pd.read_csv(out)["prediction"].to_numpy(), seconds


def lead(ours: np.ndarray, theirs: np.ndarray) -> str:
    """The difference of two shares of right rows with its 95 % interval, by a paired bootstrap of the rows."""
    each = ours.astype(float) - theirs
    drawn = each[np.random.default_rng(0).integers(len(each), size=(4000, len(each)))].mean(1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{each.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--only", nargs="+", choices=list(LABELS), default=list(LABELS), help="sets")
    parser.add_argument("--draws", nargs="+", type=int, default=[0, 1], help="numbers of draws")
    parser.add_argument("--budget", default="3min", help="time limit of fit")
    parser.add_argument("--no-fit", action="store_true", help="score the estimators alone")
    asked = parser.parse_args()
    for name in asked.only:
        x, y = images_of(name, asked.shared)
        y = y.astype(np.int64)
        for draw in asked.draws:
            order = np.random.default_rng([draw, sum(map(ord, name[:7])), 7]).permutation(len(x))
            new, train = order[:NEW], order[NEW : NEW + TRAIN]
            labelled = train[: LABELS[name]]
            right = {
                kind: estimator.fit(x[labelled], y[labelled]).predict(x[new]) == y[new]
                for kind, estimator in estimators()
            }
            scores, note = {kind: hit.mean() for kind, hit in right.items()}, ""
            if not asked.no_fit:
                given = np.where(np.arange(TRAIN) < LABELS[name], y[train], -1)
                with tempfile.TemporaryDirectory() as folder:
                    predicted, seconds = fitted(Path(folder), x[train], given, x[new], asked.budget)
                best = max(scores, key=lambda kind: scores[kind])
                note = f"; fit minus {best} {lead(predicted == y[new], right[best])}"
                scores |= {"fit": (predicted == y[new]).mean(), "seconds of fit": seconds}
            print(
                f"{name}, {LABELS[name]}, draw {draw}:",
                *(f"{k} {v:.3f}" for k, v in scores.items()),
                note,
                flush=True,
            )


if __name__ == "__main__":
    main()
