"""Random mutations of valid files: readers, settings, model folders, rule files and recipes must refuse in words.

python benchmarks/fuzz.py --seconds 300

Every input is a valid one with bytes flipped, cut, repeated or inserted. It is read or refused by an `AuxinError`;
any other exception is a fault. Faults are printed with the seed of their input, and make the exit code 1.
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from auxin import catalogue
from auxin.data import load
from auxin.errors import AuxinError
from auxin.exported.card import TrainingRecord, TrunkState
from auxin.exported.model import Model, load_model
from auxin.exported.predictor import Predictor
from auxin.models import build_network
from auxin.recipes._grid import from_sheet
from auxin.requests.hyperparameters import Hyperparameters
from auxin.rules.applied import LearnedRule
from auxin.runs.settings import parse
from auxin.tasks.classes import Classes

RECORD = TrainingRecord(
    data="d", method="single", seed=0, split_hash="0", rows={"train": 9}, settings={"lr": 0.1}, metric="accuracy",
    seconds=1.0, started="now",
)  # fmt: skip
WORDS = (
    b"1e400",
    b"nan",
    b"-1",
    b"[]",
    b"{}",
    b"null",
    b"\xff",
    b"\x00",
    b"'",
    b'"',
    b",",
    b"9" * 30,
    b"?",
    b"",
)
Case = tuple[Path, Callable[[Path], object]]


def mutated(content: bytes, draw: np.random.Generator) -> bytes:
    """The content after one to four changes."""
    made = bytearray(content)
    for _ in range(int(draw.integers(1, 5))):
        place = int(draw.integers(0, len(made) + 1))
        length = int(draw.integers(1, 20))
        how = draw.integers(0, 5)
        if how == 0 and place < len(made):
            made[place] ^= 1 << int(draw.integers(0, 8))
        elif how == 1:
            del made[place : place + length]
        elif how == 2:
            made[place:place] = WORDS[int(draw.integers(0, len(WORDS)))]
        elif how == 3:
            made[place:place] = made[place : place + length]
        elif draw.random() < 0.2:
            del made[place:]
    return bytes(made)


def cases(folder: Path) -> dict[str, Case]:
    """Valid files, and what reads each of them."""
    draw = np.random.default_rng(0)
    a = draw.normal(size=40).round(3)
    frame = pd.DataFrame({"a": a, "word": ["u", "v, w"] * 20, "y": ["p", "q"] * 20})
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet")
    rows = "\n".join(f"{value},{'pq'[k % 2]}" for k, value in enumerate(a))
    (folder / "t.arff").write_text(
        f"@relation r\n@attribute a numeric\n@attribute y {{p,q}}\n@data\n{rows}\n"
    )
    np.savez(folder / "t.npz", x=draw.normal(size=(40, 3)), y=np.arange(40) % 2)
    found: dict[str, Case] = {
        kind: (folder / f"t.{kind}", lambda file: load(file, target="y"))
        for kind in ("csv", "parquet", "arff", "npz")
    }
    network = build_network("mlp", (3,), {"y": Classes("y", 2)}, seed=0, hidden=4)
    predictor = Predictor.of(network.eval(), Classes("y", 2), torch.zeros(3), torch.ones(3), 1.0)
    trunk = TrunkState(name="mlp", shape=[3], options={"hidden": 4})
    Model(predictor, trunk, RECORD).save(folder / "m")
    for name in ("model.json", "weights.safetensors"):
        found[name] = (folder / "m" / name, lambda file: load_model(file.parent))
    shipped = next(Path(catalogue.__file__).parent.rglob("small*.safetensors"))
    (folder / "rule.safetensors").write_bytes(shipped.read_bytes())
    found["rule"] = (folder / "rule.safetensors", lambda file: LearnedRule.load(str(file)))
    sheet = next(iter(sorted((Path(catalogue.__file__).parent / "recipes").glob("*.toml"))))
    (folder / "recipe.toml").write_bytes(sheet.read_bytes())
    found["recipe"] = (folder / "recipe.toml", from_sheet)
    lines = [f"{name}={value}" for name, value in Hyperparameters()]
    (folder / "settings").write_text("\n".join([*lines, "model.hidden=8", "labeler.hard=true"]))
    found["settings"] = (folder / "settings", lambda file: parse(file.read_text("latin-1").split("\n")))
    return found


def fuzz(seconds: float, seed: int = 0) -> tuple[dict[str, int], list[str]]:
    """How many inputs of each kind were tried until the time was over, and the faults."""
    counts: dict[str, int] = {}
    faults: dict[str, str] = {}
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = cases(Path(place))
        valid = {kind: file.read_bytes() for kind, (file, _) in made.items()}
        for kind, (file, read) in made.items():
            read(file)
            assert valid[kind], kind
        while time.monotonic() < end or not counts:
            for kind, (file, read) in made.items():
                file.write_bytes(mutated(valid[kind], np.random.default_rng(seed)))
                counts[kind] = counts.get(kind, 0) + 1
                try:
                    read(file)
                except AuxinError:
                    pass
                except Exception as error:  # the faults that are looked for
                    where = _where(error)
                    faults.setdefault(f"{kind} {type(error).__name__} {where}", f"seed {seed}: {error}"[:300])
                file.write_bytes(valid[kind])
            seed += 1
    return counts, [f"{name}: {text}" for name, text in faults.items()]


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
    options = parser.parse_args()
    counts, faults = fuzz(options.seconds, options.seed)
    print(", ".join(f"{kind} {count:,}" for kind, count in counts.items()))
    print(*faults or ["no fault"], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
