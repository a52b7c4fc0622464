"""Random mutations of valid files: readers, settings, model folders, rule files and recipes must refuse in words.

python benchmarks/fuzz.py --seconds 600 --groups models

Every input is a valid one after a few changes. It is read (and predicted with, applied, planned), or refused by an
`AuxinError`; any other exception is a fault. Faults are printed with the seed of their input, and make the exit code 1.

Half of the changed model folders and rule files, and all changes of their fields, are signed again: their checksums
are those of the changed content, so that what lies behind the checksum is reached.
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from _fuzz.changes import Change, Draw, flipped, rerule, reshaped, retensored, reworded, rezipped, sign
from PIL import Image

from auxin import catalogue, rivals
from auxin.data import load
from auxin.data.encoders.table import TableEncoder
from auxin.errors import AuxinError
from auxin.exported.card import TrainingRecord, TrunkState
from auxin.exported.committee import Committee
from auxin.exported.files import write_predictions
from auxin.exported.folder import CARD, ESTIMATORS, WEIGHTS
from auxin.exported.model import Model, load_model
from auxin.exported.plain import write_plain
from auxin.exported.predictor import Predictor
from auxin.fitting.blend import Blend
from auxin.fitting.candidates import RivalMember
from auxin.fitting.network import NetworkCandidate
from auxin.fitting.rows import Rows
from auxin.fitting.search import TemperedMember
from auxin.models import build_network
from auxin.recipes._grid import GridRecipe, from_sheet
from auxin.requests.hyperparameters import Hyperparameters, all_checked
from auxin.requests.values import settings as from_text
from auxin.rules.applied import LearnedRule
from auxin.studies.recipe import PieceEnvironment

RECORD = TrainingRecord(
    data="d", method="single", seed=0, split_hash="0", rows={"train": 9}, settings={"lr": 0.1}, metric="accuracy",
    seconds=1.0, started="now",
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A file that is changed.

    Attributes:
        group: What `--groups` calls its kind.
        file: The file.
        read: What reads it, and does with it what a command does.
        changes: Ways of changing it; one is drawn.
        sign: Called after half of the changes.
    """

    group: str
    file: Path
    read: Callable[[Path], object]
    changes: tuple[Change, ...]
    sign: Callable[[Path], None] = field(default=lambda _: None)


def readers(folder: Path) -> dict[str, Target]:
    """Tables, arrays and images."""
    draw = np.random.default_rng(0)
    a = draw.normal(size=40).round(3)
    frame = pd.DataFrame({"a": a, "word": ["u", "v, w"] * 20, "y": ["p", "q"] * 20})
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet")
    rows = "\n".join(f"{value},{'pq'[k % 2]}" for k, value in enumerate(a))
    head = "@relation r\n@attribute a numeric\n@attribute y {p,q}\n@data\n"
    (folder / "t.arff").write_text(f"{head}{rows}\n")
    sparse = "\n".join(f"{{0 {value}, 1 {'pq'[k % 2]}}}" for k, value in enumerate(a))
    (folder / "sparse.arff").write_text(f"{head}{sparse}\n")
    np.savez(folder / "t.npz", x=draw.normal(size=(40, 3)), y=np.arange(40) % 2)
    (folder / "pictures" / "p").mkdir(parents=True)
    (folder / "pictures" / "q").mkdir()
    for k in range(8):
        pixels = draw.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        kind = ("png", "jpg", "gif", "bmp")[k // 2]
        Image.fromarray(pixels).save(folder / "pictures" / "pq"[k % 2] / f"{k}.{kind}")
    found = {
        name: Target(
            "readers", folder / name, lambda file: load(file, target="y"), (flipped, flipped, reworded)
        )
        for name in ("t.csv", "t.parquet", "t.arff", "sparse.arff", "t.npz")
    }
    for name in ("p/0.png", "p/2.jpg", "p/4.gif"):
        found[name] = Target(
            "readers", folder / "pictures" / name, lambda _: load(folder / "pictures"), (flipped,)
        )
    return found


def quiet(_: str) -> None:
    """Say nothing."""


def models(folder: Path) -> dict[str, Target]:
    """A network and a blend of an estimator with a network, which predict a table."""
    draw = np.random.default_rng(0)
    days = [f"2020-{1 + k % 12:02}-{1 + k % 28:02}" for k in range(60)]
    text = [f"some words about the number {k} and about {'abcde'[k % 5] * 3}" for k in range(60)]
    frame = pd.DataFrame({"a": draw.normal(size=60).round(3), "b": ["u", "v"] * 30, "day": days, "share": [f"{k}%" for
                          k in range(60)], "text": text, "flag": ["yes", "no"] * 30, "y": ["p", "q"] * 30})  # fmt: skip
    table = folder / "rows.csv"
    frame.to_csv(table, index=False)
    data = load(table, target="y", text="text")
    task, encoder = data.tasks["y"], data.encoder
    assert isinstance(encoder, TableEncoder)
    shape = tuple(data.x.shape[1:])
    network = build_network("mlp", shape, data.tasks, seed=0, hidden=4)
    whole = Predictor.of(network.eval(), task, torch.zeros(shape), torch.ones(shape), 1.0)
    trunk = TrunkState(name="mlp", shape=list(shape), options={"hidden": 4})
    Model(whole, trunk, RECORD, encoder).save(folder / "network")
    rows = Rows(np.asarray(data.x, np.float32), task, data.y["y"])
    options = catalogue.load("rivals", "logistic").tries(rivals.kind_of(task), rows.shape)[0]
    linear = RivalMember(task, rivals.fit("logistic", task, rows.x, rows.y, rows.shape, 0, options))
    small = NetworkCandidate("network", {"rate": 5e-3}).train(rows, rows.labelled, 0)
    blend = TemperedMember(Blend(task, (linear, small), (0.5, 0.5)), 1.5)
    Model(Committee(blend), trunk, RECORD, encoder).save(folder / "blend")

    plain = folder / "new.csv"
    frame.drop(columns="y").to_csv(plain, index=False)
    turns = cycle((True, False))

    def predict(file: Path) -> object:
        """As `auxin predict` does: without PyTorch where it can, and every other time in any case with it."""
        place, out = file.parent, folder / "out.csv"
        done = write_plain(place, str(plain), out, [], quiet) if next(turns) else None
        return done or write_predictions(load_model(place), str(table), out, notify=quiet)

    found = {}
    for place in ("network", "blend"):
        found[f"{place}'s card"] = Target(
            "models", folder / place / CARD, predict, (flipped, reshaped, reshaped), sign
        )
        found[f"{place}'s weights"] = Target(
            "models", folder / place / WEIGHTS, predict, (flipped, retensored, retensored), sign
        )
    found["estimators"] = Target("models", folder / "blend" / ESTIMATORS, predict, (flipped, rezipped), sign)
    return found


def rules(folder: Path) -> dict[str, Target]:
    """The shipped rule, which trains a network for two steps."""
    shipped = next(Path(catalogue.__file__).parent.rglob("small*.safetensors"))
    (folder / "rule.safetensors").write_bytes(shipped.read_bytes())
    x = np.random.default_rng(0).random((40, 6))

    def applied(file: Path) -> object:
        return LearnedRule.load(str(file)).fit(x, hidden=(5,), width=4, steps=2).transform(x)

    return {"rule": Target("rules", folder / "rule.safetensors", applied, (flipped, rerule, rerule, rerule))}


def recipes(folder: Path) -> dict[str, Target]:
    """A sheet on the digits, planned to the settings of its runs."""
    source = Path(catalogue.__file__).parent / "recipes" / "maxl_collapse.toml"
    (folder / "recipe.toml").write_bytes(source.read_bytes())

    def planned(file: Path) -> object:
        from_sheet.cache_clear()
        made: GridRecipe = from_sheet(file)()
        made.environment = PieceEnvironment(None, folder)
        return [made.spec(piece) for piece in made.pieces(smoke=False)[:12]]

    return {"recipe": Target("recipes", folder / "recipe.toml", planned, (flipped, reworded, reworded))}


def settings(folder: Path) -> dict[str, Target]:
    """Every `--set NAME=VALUE`."""
    lines = [f"{name}={value}" for name, value in Hyperparameters()]
    (folder / "settings").write_text("\n".join([*lines, "model.hidden=8", "labeler.hard=true"]))

    def parsed(file: Path) -> object:
        return all_checked(from_text(file.read_text("latin-1").split("\n")))

    return {"settings": Target("settings", folder / "settings", parsed, (flipped, reworded))}


GROUPS = {"readers": readers, "settings": settings, "models": models, "rules": rules, "recipes": recipes}


def fuzz(
    seconds: float, seed: int = 0, groups: tuple[str, ...] = tuple(GROUPS)
) -> tuple[dict[str, int], list[str]]:
    """How many inputs of each kind were tried until the time was over, and the faults."""
    counts: dict[str, int] = {}
    faults: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = {name: target for group in groups for name, target in GROUPS[group](Path(place)).items()}
        for target in made.values():
            target.read(target.file)
        end = time.monotonic() + seconds
        while time.monotonic() < end or not counts:
            for name, target in made.items():
                counts[name] = counts.get(name, 0) + 1
                try:
                    _changed(target, np.random.default_rng(seed))
                except AuxinError:
                    pass
                except Exception as error:  # the faults that are looked for
                    key = f"{name} {type(error).__name__} {_where(error)}"
                    faults.setdefault(key, f"seed {seed}: {error}"[:300])
            seed += 1
    return counts, [f"{name}: {text}" for name, text in faults.items()]


def _changed(target: Target, draw: Draw) -> None:
    """Change the file, read it, and put it back."""
    kept = {file: file.read_bytes() for file in target.file.parent.iterdir() if file.is_file()}
    change = target.changes[int(draw.integers(0, len(target.changes)))]
    target.file.write_bytes(change(kept[target.file], draw))
    try:
        if change is not flipped or draw.random() < 0.5:
            target.sign(target.file)
        target.read(target.file)
    finally:
        for file, content in kept.items():
            file.write_bytes(content)


def _where(error: Exception) -> str:
    trace, place = error.__traceback__, ""
    while trace is not None:
        if "/auxin/" in trace.tb_frame.f_code.co_filename:
            place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def main() -> int:
    """Fuzz for as long as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--groups", nargs="+", choices=list(GROUPS), default=list(GROUPS), help="kinds of files"
    )
    options = parser.parse_args()
    counts, faults = fuzz(options.seconds, options.seed, tuple(options.groups))
    print(", ".join(f"{kind} {count:,}" for kind, count in counts.items()))
    print(*faults or ["no fault"], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
