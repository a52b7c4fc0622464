"""Where auxiliaries pay, the smaller cases: multi-target tables, and segmentation with few masks.

    OMP_NUM_THREADS=1 python benchmarks/pays.py enb --root DIR --out runs/pays-enb

DIR holds `tabular/` (enb, jura and emotions from the Mulan collection, as ARFF) and `camvid/`. One command makes the
case's rows (an `.npz` beside the results' folder), then compares single-task training, equal weights and learned ones
by the protocol. The main label is kept in few training rows, in the tables of real targets and in camvid the same ones
for every seed; all rows keep the auxiliary labels.

| case | main task | few labels | auxiliary tasks |
|---|---|---|---|
| enb | heating load | 40 of 512 training rows | cooling load |
| jura | cadmium | 40 of 239 | cobalt, copper |
| emotions | amazed-surprised | 20 per class of 391 | the five other emotions |
| camvid | 11 classes per pixel | 12 of 367 masks | edges, blurred brightness, noise: made from the image |
"""

import argparse
import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch.nn import functional as F

from auxin.methods.base import Setting
from auxin.reports.plots import write_figures
from auxin.reports.read import read_results
from auxin.reports.table import terminal
from auxin.requests.compare import CompareRequest
from auxin.requests.data import DataSpec, SplitSpec
from auxin.requests.shared import Compute, TrainingRequest
from auxin.studies.compare import CompareStudy
from auxin.studies.confirm import confirm
from auxin.studies.engine import Progress

Arrays = dict[str, np.ndarray]


EVERY = (
    "single", "equal", "uncertainty", "dwa", "gradnorm", "gradient_cosine", "ol_aux", "pcgrad",
    "softmax", "linear", "deep_linear", "monotone", "nonlinear", "polynomial", "auto_lambda", "aux_nash",
)  # fmt: skip
"""Every way of weighing given auxiliaries that needs nothing but auxin; `--also torchjd:UPGrad` adds another."""


@dataclass(frozen=True)
class Case:
    """One data set and how it is compared."""

    make: Callable[[Path], Arrays]
    main: str
    labels_per_class: int | None = None
    methods: tuple[str, ...] = EVERY
    settings: dict[str, Setting] = field(default_factory=dict)
    tries: int = 3
    tuning_seeds: int = 3


def arff(path: Path) -> tuple[list[str], np.ndarray]:
    """The names of the columns, and the numbers."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    names = [line.split()[1] for line in lines if line.lower().startswith("@attribute")]
    start = next(i for i, line in enumerate(lines) if line.lower().startswith("@data"))
    rows = [row for row in csv.reader(lines[start + 1 :]) if row]
    return names, np.array(rows, dtype=np.float64)


def multi_target(root: Path, name: str, targets: Sequence[str], labels: int) -> Arrays:
    """A table: a third of the rows is the test set, and of the rest only `labels` keep the main target."""
    names, values = arff(root / "tabular" / f"{name}.arff")
    order = np.random.default_rng(0).permutation(len(values))
    values = values[order]
    test = np.arange(len(values)) < len(values) // 3
    inputs = [i for i in range(len(names)) if names[i] not in all_targets(name)]
    found: Arrays = {"x": values[:, inputs].astype(np.float32), "test": test}
    found |= {target: values[:, names.index(target)].astype(np.float32) for target in targets}
    hidden = ~test & (np.cumsum(~test) > labels)
    found[targets[0]][hidden] = np.nan
    return found


def all_targets(name: str) -> tuple[str, ...]:
    """The columns that are no inputs."""
    return {"enb": ("Y1", "Y2"), "jura": ("Cd", "Co", "Cu")}[name]


def emotions(root: Path) -> Arrays:
    """Music by 72 features, with six binary labels."""
    names, train = arff(root / "tabular" / "emotions-train.arff")
    _, test = arff(root / "tabular" / "emotions-test.arff")
    values = np.concatenate([train, test])
    found: Arrays = {
        "x": values[:, :-6].astype(np.float32),
        "test": np.arange(len(values)) >= len(train),
    }
    return found | {name: values[:, i - 6].astype(np.int64) for i, name in enumerate(names[-6:])}


def camvid(root: Path, masks: int = 12) -> Arrays:
    """Street scenes: few masks, and maps that need no labelling."""
    parts = [np.load(root / "camvid" / f"camvid_{part}.npz") for part in ("train", "test")]
    images = np.concatenate([part["images"] for part in parts])
    scene = np.concatenate([part["labels"] for part in parts]).astype(np.int64)
    scene[scene == 11] = -1
    train = len(parts[0]["images"])
    kept = np.linspace(0, train - 1, masks).round().astype(int)  # frames far apart: neighbours are alike
    hidden = np.setdiff1d(np.arange(train), kept)
    scene[hidden] = -1
    grey = torch.from_numpy(images).float().mean(3)[:, None] / 255
    dx, dy = F.pad(grey.diff(dim=3), (0, 1)), F.pad(grey.diff(dim=2), (0, 0, 0, 1))
    noise = np.random.default_rng(0).normal(size=scene.shape).astype(np.float32)
    return {
        "images": images,
        "scene": scene,
        "edges": (dx.square() + dy.square()).sqrt()[:, 0].numpy(),
        "blurred": F.avg_pool2d(grey, 9, 1, 4, count_include_pad=False)[:, 0].numpy(),
        "noise": noise,
        "test": np.arange(len(images)) >= train,
    }


META: dict[str, Setting] = {"every": 10, "meta": "same", "meta_lr": 0.1, "looks": 2}
TABLE: dict[str, Setting] = {
    **META,
    "model": "mlp",
    "model.hidden": 64,
    "batch": 20,
    "steps": 400,
    "unlabelled_ratio": 3.0,
    "lr": 0.003,  # the best of 0.1, 0.03, 0.01 and 0.003 for single-task training on the development rows
}
CASES: dict[str, Case] = {
    "enb": Case(lambda root: multi_target(root, "enb", ("Y1", "Y2"), 40), "Y1", settings=TABLE),
    "jura": Case(lambda root: multi_target(root, "jura", ("Cd", "Co", "Cu"), 40), "Cd", settings=TABLE),
    "emotions": Case(emotions, "amazed-suprised", labels_per_class=20, settings=TABLE),
    "camvid": Case(
        camvid,
        "scene",
        methods=("single", "equal", "convnet"),
        settings={
            **META, "clip": 1.0, "model": "segnet", "model.channel_width": 8, "model.levels": 3, "batch": 4,
            "steps": 120, "unlabelled_ratio": 2.0, "lr": 0.03, "channels_last": False,
        },
        tries=1,
    ),
}  # fmt: skip


def request(name: str, root: Path, out: Path, seeds: int, also: tuple[str, ...] = ()) -> CompareRequest:
    """The comparison, its data made where they are not there yet."""
    case, file = CASES[name], out.parent / f"{out.name}.npz"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, **case.make(root))
    aux = [key for key in np.load(file).files if key not in ("x", "images", "test", case.main)]
    return CompareRequest(
        data=DataSpec.model_validate(
            {"name": str(file), "aux": ",".join(aux), "target": case.main, "test": "test"}
        ),
        split=SplitSpec(labels_per_class=case.labels_per_class),
        methods=(*case.methods, *also),
        out=out,
        training=TrainingRequest(settings=dict(case.settings)),
        compute=Compute(jobs=1),
        seeds=seeds,
        tries=case.tries,
        tuning_seeds=case.tuning_seeds,
        twins=False,  # equal weights are the twin of every one that begins as they do
        command=f"python benchmarks/pays.py {name} --root DIR",
    )


def tell(event: Progress | str) -> None:
    """Sentences, and how far it is."""
    print(event if isinstance(event, str) else f"{event.phase}: {event.done} of {event.total}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", choices=list(CASES))
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--also", default="", help="further methods, comma-separated")
    parser.add_argument("--confirm", action="store_true", help="open the confirmation rows, once")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    also = tuple(name for name in asked.also.split(",") if name)
    wanted = request(asked.case, asked.root, asked.out, asked.seeds, also)
    found = confirm(wanted) if asked.confirm else CompareStudy(wanted, tell).run()
    Console().print(terminal(found))
    write_figures(read_results(asked.out), asked.out / "figures")


if __name__ == "__main__":
    main()
