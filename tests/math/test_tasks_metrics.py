"""Every metric against scikit-learn."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from auxin.math import metrics as _metrics
from auxin.tasks.classes import Classes
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression
from auxin.tasks.vector import Vector

seeds = given(st.integers(0, 10_000))
few = settings(max_examples=30)


def draw(seed: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Coarse logits (so that ties occur) and labels in which every class occurs."""
    generator = torch.Generator().manual_seed(seed)
    logits = (4 * torch.randn(40, classes, generator=generator, dtype=torch.float64)).round() / 4
    labels = torch.cat([torch.arange(classes), torch.randint(classes, (40 - classes,), generator=generator)])
    return logits, labels


@few
@seeds
def test_classes(seed: int) -> None:
    logits, labels = draw(seed, 4)
    task, p, said = Classes("t", 4), logits.softmax(1).numpy(), logits.argmax(1)
    expected = {
        "accuracy": sk.accuracy_score(labels, said),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, said),
        "f1": sk.f1_score(labels, said, average="macro"),
        "auc": sk.roc_auc_score(labels, p, multi_class="ovr", average="macro"),
        "log_loss": -sk.log_loss(labels, p),
        "top3": (np.argsort(-logits.numpy(), kind="stable")[:, :3] == labels.numpy()[:, None]).any(1).mean(),
    }
    assert set(expected) == set(task.metrics)
    for metric, value in expected.items():
        assert task.score(logits, labels, metric) == pytest.approx(value, abs=1e-12), metric


@few
@seeds
def test_two_classes(seed: int) -> None:
    logits, labels = draw(seed, 2)
    expected = sk.roc_auc_score(labels, (logits[:, 1] - logits[:, 0]).numpy())
    assert Classes("t", 2).score(logits, labels, "auc") == pytest.approx(expected, abs=1e-12)


def test_classes_that_do_not_occur_do_not_count() -> None:
    logits, labels = draw(0, 5)
    labels[labels == 3] = 2
    logits[:, 3] = -9
    task, said = Classes("t", 5), logits.argmax(1)
    assert task.score(logits, labels, "f1") == pytest.approx(sk.f1_score(labels, said, average="macro"))
    assert task.score(logits, labels, "balanced_accuracy") == pytest.approx(
        sk.balanced_accuracy_score(labels, said)
    )
    assert not math.isnan(task.score(logits, labels, "auc"))
    one = torch.zeros(40, dtype=torch.int64)
    assert math.isnan(task.score(logits, one, "auc"))


def test_soft_targets_are_scored_by_their_most_likely_class() -> None:
    logits, labels = draw(1, 3)
    soft = torch.nn.functional.one_hot(labels, 3).double() * 0.7 + 0.1
    for metric in Classes.metrics:
        assert Classes("t", 3).score(logits, soft, metric) == Classes("t", 3).score(logits, labels, metric)


@few
@seeds
def test_multilabel(seed: int) -> None:
    logits, _ = draw(seed, 3)
    truth = torch.rand(40, 3, generator=torch.Generator().manual_seed(seed + 1)) < 0.4
    truth[0], truth[1] = True, False
    task, said = Multilabel("t", 3), (logits > 0)
    expected = {
        "auc": sk.roc_auc_score(truth, logits.numpy(), average="macro"),
        "average_precision": sk.average_precision_score(truth, logits.numpy(), average="macro"),
        "accuracy": (said == truth).double().mean().item(),
        "f1": sk.f1_score(truth, said, average="macro"),
        "hit": np.mean([truth[row, best] for row, best in enumerate(logits.numpy().argmax(1))]),
    }
    assert set(expected) == set(task.metrics)
    for metric, value in expected.items():
        assert task.score(logits, truth.long(), metric) == pytest.approx(value, abs=1e-12), metric
        assert task.score(logits, truth.double(), metric) == pytest.approx(value, abs=1e-12), metric


@few
@seeds
def test_real_values(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    said, true = torch.randn(2, 30, 3, generator=generator, dtype=torch.float64)
    expected = {
        "r2": sk.r2_score(true, said),
        "mae": -sk.mean_absolute_error(true, said),
        "rmse": -sk.root_mean_squared_error(true, said),
    }
    for metric, value in expected.items():
        assert Vector("t", 3).score(said, true, metric) == pytest.approx(value, abs=1e-12), metric
    one = Regression("t", mean=2.0, scale=3.0)
    assert one.score((said[:, :1] - 2) / 3, true[:, 0], "r2") == pytest.approx(
        sk.r2_score(true[:, 0], said[:, 0])
    )


def test_components_that_are_missing_do_not_count() -> None:
    said, true = torch.randn(2, 30, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    holed = true.clone()
    holed[5:, 1] = math.nan
    expected = np.mean([sk.r2_score(true[:, 0], said[:, 0]), sk.r2_score(true[:5, 1], said[:5, 1])])
    assert Vector("t", 2).score(said, holed) == pytest.approx(expected)
    holed[:, 1] = math.nan
    assert Vector("t", 2).score(said, holed) == pytest.approx(sk.r2_score(true[:, 0], said[:, 0]))


@few
@seeds
def test_ordered(seed: int) -> None:
    logits, _ = draw(seed, 3)
    labels = torch.randint(4, (40,), generator=torch.Generator().manual_seed(seed))
    task = Ordered("t", 4)
    said = task.predict(logits)
    expected = {
        "mae": -sk.mean_absolute_error(labels, said),
        "accuracy": sk.accuracy_score(labels, said),
        "kappa": sk.cohen_kappa_score(labels, said, weights="quadratic"),
        "log_loss": -sk.log_loss(labels, task.probabilities(logits).numpy(), labels=range(4)),
    }
    assert set(expected) == set(task.metrics)
    for metric, value in expected.items():
        assert task.score(logits, labels, metric) == pytest.approx(value, abs=1e-9), metric


@few
@seeds
def test_dense_classes(seed: int) -> None:
    logits, labels = draw(seed, 4)
    maps, truth = logits.T.reshape(1, 4, 5, 8).repeat(2, 1, 1, 1), labels.reshape(1, 5, 8).repeat(2, 1, 1)
    said = logits.argmax(1)
    expected = sk.jaccard_score(labels, said, average="macro")
    assert DenseClasses("t", 4).score(maps, truth) == pytest.approx(expected)
    assert DenseClasses("t", 4).score(maps, truth, "accuracy") == pytest.approx(
        sk.accuracy_score(labels, said)
    )


def test_part_iou_is_the_mean_over_images() -> None:
    """By hand: in the first image classes 0 and 1 overlap by 1/3 and 1/2, the second is right."""
    said = torch.tensor([[[0, 0, 1, 1]], [[2, 2, 2, 2]]])
    truth = torch.tensor([[[0, 1, 1, -1]], [[2, 2, 2, -1]]])
    maps = torch.nn.functional.one_hot(said, 3).movedim(-1, 1).double()
    assert DenseClasses("t", 3).score(maps, truth, "part_iou") == pytest.approx(((1 / 2 + 1 / 2) / 2 + 1) / 2)


def test_what_is_undefined_is_nan() -> None:
    yes = torch.ones(3, dtype=torch.bool)
    scores = torch.arange(3.0)
    assert math.isnan(_metrics.auc(scores, yes))
    assert math.isnan(_metrics.auc(scores, ~yes))
    assert math.isnan(_metrics.average_precision(scores, ~yes))
    assert math.isnan(_metrics.r2(scores, torch.ones(3)))
    assert math.isnan(_metrics.weighted_kappa(torch.tensor([[3.0, 0.0], [0.0, 0.0]])))
    assert math.isnan(_metrics.nan_mean([]))
    assert math.isnan(_metrics.nan_mean([math.nan]))
    assert _metrics.nan_mean([math.nan, 2.0]) == 2.0


def test_scikit_learn_would_warn_where_we_say_nan() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        sk.roc_auc_score([1, 1, 1], [0.0, 1.0, 2.0])
    assert seen
