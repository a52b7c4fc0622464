"""A loss a thousand times too large or too small, or NaN, with every combiner: no crash, no silent end, and a name."""

import math
import warnings

import pytest
import torch
from auxiliary_cases import batch, classes, make, net, step
from torch.nn import functional as F

from auxin import catalogue
from auxin.api.auxiliary import Auxiliary
from auxin.combiners import build
from auxin.tasks.dense_classes import DenseClasses

COMBINERS = [name for name in catalogue.names("combiners") if name != "torchjd"]
FACTORS = [1e3, 1e-3, math.nan]


def test_the_sweep_is_whole() -> None:
    assert len(COMBINERS) >= 17
    assert "torchjd" in catalogue.names("combiners")


def scaled(factor: float):
    return lambda out, y: factor * F.cross_entropy(out, y, reduction="none")


def finite(aux: Auxiliary, model: torch.nn.Module) -> bool:
    return all(bool(p.isfinite().all()) for p in [*model.parameters(), *aux.combiner.parameters()])


def named(said: list[warnings.WarningMessage], factor: float, task: str) -> list[str]:
    words = f"The loss of '{task}' is " + ("not finite" if math.isnan(factor) else "")
    return [str(w.message) for w in said if str(w.message).startswith(words)]


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("combiner", [*COMBINERS, "torchjd:upgrad"])
def test_the_main_task_goes_on_learning_and_the_task_is_named(combiner: str, factor: float) -> None:
    if combiner.startswith("torchjd"):
        pytest.importorskip("torchjd")
    if combiner == "convnet":
        pytest.skip("sees loss images only: its own test is below")
    model, data = net(), batch(0, rows=24)
    aux = make(model, {**classes(), "far": scaled(factor)}, combiner=combiner, every=2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    main = []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(16):
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            loss = aux(model(data["x"]), data)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            aux.after_step(optimizer, data)
            main.append(aux.losses()["main"])
    assert finite(aux, model)
    assert len(named(said, factor, "far")) == 1
    assert named(said, factor, "near") == []
    if (
        combiner == "famo" and factor < 1
    ):  # FAMO descends log losses: a loss a thousand times smaller leads its steps
        return
    if factor <= 1 or math.isnan(factor):  # a loss a thousand times larger leads the clipped steps, rightly
        assert main[-1] < main[0] - 0.01


@pytest.mark.parametrize("factor", FACTORS)
def test_the_same_with_loss_images(factor: float) -> None:
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 4, 1)

    class Scaled(DenseClasses):
        def loss(self, output, target):
            return factor * super().loss(output, target)

        def loss_image(self, output, target):
            return factor * super().loss_image(output, target)

    tasks = {"main": DenseClasses("main", 2), "far": Scaled("far", 2)}
    pick = {"outputs": lambda out: {"main": out[:, :2], "far": out[:, 2:]}}
    aux = Auxiliary(model, main="main", tasks=tasks, combiner=build("convnet", list(tasks)), every=2, **pick)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3 if factor > 1 else 0.1)
    x = torch.randn(4, 3, 8, 8)
    data = {"x": x, "main": (x[:, 0] > 0).long(), "far": (x[:, 1] > 0).long()}
    main = []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(16):
            step(aux, model, optimizer, data, data)
            main.append(aux.losses()["main"])
    assert finite(aux, model)
    assert len(named(said, factor, "far")) == 1
    assert main[-1] < main[0]
