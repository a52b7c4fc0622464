"""What a guess scores on the rows that are judged, for every metric of every kind of table, and what is said of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auxin.judging import wording
from auxin.requests.compare import CompareRequest
from auxin.requests.data import DataSpec, SplitSpec
from auxin.requests.shared import Compute, TrainingRequest
from auxin.runs.rows import data_content, load_data, split_rows
from auxin.studies.compare import CompareStudy
from auxin.studies.confirm import confirm
from auxin.tasks.classes import Classes
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression
from auxin.tasks.vector import Vector

COSTS = "cost=0,1,2;5,0,1;9,3,0"
TASKS = {
    "classes": Classes,
    "ordered": Ordered,
    "regression": Regression,
    "vector": Vector,
    "multilabel": Multilabel,
}
PAIRS = [
    (kind, metric)
    for kind, task in TASKS.items()
    for metric in [*task.metrics, *([COSTS] if kind in ("classes", "ordered") else [])]
]
TARGETS = {"vector": "t=u|v", "multilabel": "t=p|q"}


def asked(folder: Path, kind: str, metric: str, noise: bool = False) -> CompareRequest:
    """A comparison on rows that say their target, or, with noise, do not."""
    draw = np.random.default_rng(3)
    x = draw.normal(size=(160, 3))
    shown = draw.permutation(x) if noise else x
    frame = pd.DataFrame(
        {
            **{name: shown[:, k] for k, name in enumerate("abc")},
            "label": np.digitize(x[:, 0], [-0.4, 0.7]),
            "number": 20 + 3 * x[:, 0] - 2 * x[:, 1],
            "u": 5 + x[:, 0],
            "v": x[:, 1] - 1,
            "p": x[:, 0] > 0.3,
            "q": x[:, 1] > -0.5,
        }
    )
    column = {"classes": "label", "ordered": "label", "regression": "number"}.get(kind)
    kept = [column] if column else TARGETS[kind][2:].split("|")
    frame[["a", "b", "c", *kept]].to_csv(folder / "t.csv", index=False)
    for cache in (load_data, data_content, split_rows):
        cache.cache_clear()
    target = column or TARGETS[kind]
    return CompareRequest(
        data=DataSpec(name=str(folder / "t.csv"), target=target, kinds=f"{target.partition('=')[0]}={kind}"),
        split=SplitSpec(),
        methods=("single",),
        out=folder / "out",
        training=TrainingRequest(settings={"steps": 100, "lr": 0.1}),
        compute=Compute(jobs=1),
        seeds=1,
        tries=1,
        metric=metric,
    )


def by_hand(kind: str, metric: str, y: np.ndarray, train: np.ndarray) -> float:
    """The score of a guess on labels `y`, by NumPy; numbers are guessed by the training rows' mean."""
    if kind in ("regression", "vector"):
        off = np.atleast_2d((y - train.mean(0)).T)
        spread = np.atleast_2d((y - y.mean(0)).T)
        r2 = 1 - (off**2).sum(1) / (spread**2).sum(1)
        return {"r2": r2.mean(), "mae": -np.abs(off).mean(), "rmse": -np.sqrt((off**2).mean(1)).mean()}[
            metric
        ]
    if kind == "multilabel":
        share = y.mean(0)
        return {
            "auc": 0.5,
            "average_precision": share.mean(),
            "accuracy": np.maximum(share, 1 - share).mean(),
            "f1": (2 * share / (1 + share)).mean(),
            "hit": share.max(),  # rows without any attribute count as missed
        }[metric]
    if metric == COSTS:
        table = np.array([[0, 1, 2], [5, 0, 1], [9, 3, 0]])
        return -table[y].mean(0).min()
    if metric == "f1":
        return 2 * (y == 0).mean() / (1 + (y == 0).mean()) / 3
    constants = {
        "accuracy": 1 / 3,
        "balanced_accuracy": 1 / 3,
        "auc": 0.5,
        "log_loss": -np.log(3),
        "top3": 1.0,
    }
    others = {"kappa": 0.0, "mae": -min(np.abs(y - c).mean() for c in range(3))}
    return {**constants, **others}[metric]


@pytest.mark.parametrize(("kind", "metric"), PAIRS)
def test_chance_is_what_a_guess_scores_on_the_half_that_is_judged(kind, metric, tmp_path) -> None:
    request = asked(tmp_path, kind, metric)
    job = CompareStudy(request, lambda _: None)
    splits = split_rows(request.data, request.split, 0, request.refit)
    dataset = load_data(request.data)
    y = dataset.y[dataset.main].numpy()
    for half in ("development", "confirmation"):
        wanted = by_hand(kind, metric, y[getattr(splits, half)], y[splits.train])
        assert job.chance(half) == pytest.approx(wanted, rel=1e-4), half


@pytest.mark.slow
@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize(("kind", "metric"), [pair for pair in PAIRS if pair != ("classes", "top3")])
def test_a_confirmation_warns_of_a_guess_where_there_is_one(kind, metric, noise, tmp_path) -> None:
    request = asked(tmp_path, kind, metric, noise)
    CompareStudy(request, lambda _: None).run()
    found = confirm(request)
    job = CompareStudy(request, lambda _: None)
    chance = job.chance("confirmation")
    warned = [text for text in found.warnings if "a guess that looks at no input" in text]
    assert bool(warned) == (found.rows[0].mean <= chance)
    assert all(wording.mean(chance, None, found.metric) in text for text in warned)
    if not noise:
        assert not warned
