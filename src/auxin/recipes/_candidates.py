"""Real data with candidate auxiliaries of known worth: labels that were derived, corrupted and drawn at random."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from auxin.data import Dataset, load
from auxin.data.reading.frame import read_frame
from auxin.data.targets.hierarchy100 import parents
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.training.reproducible import generator


@cache
def cifar100(folder: Path) -> Dataset:
    """CIFAR-100, main task the 20 coarse classes, with ten candidates on every row.

    | candidate | what it is |
    | --- | --- |
    | fine | the 100 classes |
    | fine30, fine60, fine90 | the same, that share of the labels drawn anew |
    | drawn | 100 classes drawn at random |
    | ten, three | the coarse classes grouped further (MAXL's levels) |
    | animal | whether the coarse class is one of animals or people |
    | parity | whether the fine class's number in its coarse class is odd |
    | colour | the image's mean colour, in eight bins |
    """
    whole = load("cifar100", folder, level="20:100")
    main, fine = whole.main, whole.y["level100"]
    draw = generator(0, "candidates")
    y = {main: whole.y[main], "fine": fine}
    for percent in (30, 60, 90):
        spoilt = torch.rand(len(fine), generator=draw) < percent / 100
        y[f"fine{percent}"] = torch.where(spoilt, torch.randint(100, (len(fine),), generator=draw), fine)
    y["drawn"] = torch.randint(100, (len(fine),), generator=draw)
    y |= {"ten": parents(100, 10)[fine], "three": parents(100, 3)[fine]}
    names = getattr(whole.tasks[main], "label_names", ())
    living = torch.tensor([_lives(str(name)) for name in names])
    y["animal"] = living[y[main]].long()
    y["parity"] = _place(fine, y[main]) % 2
    bright = cast(torch.Tensor, whole.x).float().mean((2, 3))
    y["colour"] = ((bright > bright.median(0).values) * torch.tensor([1, 2, 4])).sum(1)
    tasks: dict[str, Task] = {name: Classes(name, int(target.max()) + 1) for name, target in y.items()}
    return replace(whole, tasks=tasks, y=y, parents={})


def _lives(name: str) -> bool:
    words = ("mammal", "fish", "insect", "invertebrate", "people", "reptile", "carnivore", "herbivore")
    return any(word in name for word in words)


def _place(fine: Tensor, coarse: Tensor) -> Tensor:
    """Which of its coarse class's fine classes a label is, from 0."""
    found = torch.zeros_like(fine)
    for label in coarse.unique():
        inside = coarse == label
        found[inside] = torch.searchsorted(fine[inside].unique(), fine[inside])
    return found


@cache
def emotions(folder: Path, main: str) -> Dataset:
    """Emotions (music in 72 features, six binary labels), one label the main task, the others candidates.

    The publisher's test file is the test set. A further candidate, `drawn`, is a label drawn at random.
    """
    frames = [read_frame(folder / f"emotions-{part}.arff", "utf-8") for part in ("train", "test")]
    y = {name: torch.cat([_column(frame, name) for frame in frames]).long() for name in EMOTIONS}
    y = {main: y.pop(main), **y}
    y["drawn"] = torch.randint(2, (len(y[main]),), generator=generator(0, "candidates"))
    inputs = [name for name in frames[0].columns if name not in EMOTIONS]
    x = torch.cat([torch.stack([_column(frame, name) for name in inputs], 1) for frame in frames])
    test = torch.cat([torch.full((len(frame),), i == 1) for i, frame in enumerate(frames)])
    tasks: dict[str, Task] = {name: Classes(name, 2) for name in y}
    return Dataset(name="emotions", x=x, tasks=tasks, y=y, main=main, official_test=test)


def _column(frame: Any, name: str) -> Tensor:
    return torch.tensor(frame[name].to_numpy("float32"))


EMOTIONS = (
    "amazed-suprised",
    "happy-pleased",
    "relaxing-calm",
    "quiet-still",
    "sad-lonely",
    "angry-aggresive",
)


def only(dataset: Dataset, *names: str) -> Dataset:
    """The main task and these auxiliaries alone."""
    kept = (dataset.main, *names)
    return replace(
        dataset, tasks={n: dataset.tasks[n] for n in kept}, y={n: dataset.y[n] for n in kept}, parents={}
    )
