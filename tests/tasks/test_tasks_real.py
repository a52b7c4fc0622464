"""Regression, vectors, attributes, ordered and dense kinds against their definitions."""

import math

import pytest
import torch
from torch.nn import functional as F

from auxin.errors import ConfigError, DataError
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.dense_regression import DenseRegression
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression
from auxin.tasks.vector import Vector

GENERATOR = torch.Generator().manual_seed(0)


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


def test_regression_is_the_mean_squared_error_in_units_of_the_spread() -> None:
    y, output = 5 + 3 * draw(50), draw(50, 1)
    task = Regression.fit("t", y)
    standard = (y - y.mean()) / y.std(correction=0)
    torch.testing.assert_close(task.loss(output, y).mean(), F.mse_loss(output[:, 0], standard))
    torch.testing.assert_close(task.predict(standard[:, None]), y)


def test_a_constant_or_absent_target_has_scale_one() -> None:
    assert Regression.fit("t", torch.full((4,), 7.0)).scale == 1.0
    absent = Regression.fit("t", torch.full((4,), math.nan))
    assert (absent.mean, absent.scale) == (0.0, 1.0)


def test_pseudo_huber_is_squared_near_zero_and_linear_far_out() -> None:
    task = Regression("t", loss="pseudo_huber")
    near, far = task.loss(
        torch.tensor([[1e-3], [1e4]], dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    )
    assert near.item() == pytest.approx(1e-6, rel=1e-5)
    assert far.item() == pytest.approx(2e4, rel=1e-3)


@pytest.mark.parametrize(
    "bad", [{"scale": 0.0}, {"scale": math.nan}, {"mean": math.inf}, {"width": 2}, {"loss": "l1"}]
)
def test_regression_refuses_options_without_sense(bad: dict) -> None:
    with pytest.raises(ConfigError):
        Regression("t", **bad)


def test_a_vector_is_the_mean_over_its_present_components() -> None:
    output, target = draw(4, 3), draw(4, 3)
    target[1, 2] = math.nan
    loss = Vector("t", 3, scales=[1.0, 2.0, 4.0]).loss(output, target)
    d = (output - target / torch.tensor([1.0, 2.0, 4.0])).square()
    torch.testing.assert_close(loss[0], d[0].mean())
    torch.testing.assert_close(loss[1], d[1, :2].mean())


def test_vector_fit_standardises_each_component() -> None:
    target = torch.stack([draw(30) * 2 + 1, draw(30) * 5 - 3], 1)
    task = Vector.fit("t", target)
    assert task.loss(torch.zeros(30, 2, dtype=torch.float64), target).mean().item() == pytest.approx(1.0)
    torch.testing.assert_close(task.predict(torch.zeros(1, 2, dtype=torch.float64))[0], target.mean(0))


def test_attributes_are_binary_cross_entropies() -> None:
    logits, target = draw(5, 4), (draw(5, 4) > 0).double()
    expected = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    torch.testing.assert_close(Multilabel("t", 4).loss(logits, target), expected.mean(1))
    target[2, 1:] = math.nan
    torch.testing.assert_close(Multilabel("t", 4).loss(logits, target)[2], expected[2, 0])
    integers = torch.where(target.isnan(), -1, target).long()
    torch.testing.assert_close(
        Multilabel("t", 4).loss(logits, integers), Multilabel("t", 4).loss(logits, target)
    )
    with pytest.raises(DataError, match="-2"):
        Multilabel("t", 4).check(integers - 1)


def test_ordered_probabilities_are_differences_of_the_cumulative_link() -> None:
    output = draw(6, 3)
    cuts = torch.cat([torch.zeros(6, 1), F.softplus(output[:, 1:]).cumsum(1)], 1) - output[:, :1]
    cumulative = torch.cat([torch.zeros(6, 1), cuts.sigmoid(), torch.ones(6, 1)], 1)
    task = Ordered("t", 4)
    p = task.probabilities(output)
    torch.testing.assert_close(p, cumulative.diff(dim=1))
    torch.testing.assert_close(p.sum(1), torch.ones(6, dtype=torch.float64))
    labels = torch.tensor([0, 1, 2, 3, 1, 2])
    torch.testing.assert_close(task.loss(output, labels), -p.log().gather(1, labels[:, None])[:, 0])


def test_ordered_predicts_the_median() -> None:
    task = Ordered("t", 3)
    scores = torch.cat([torch.linspace(-9, 9, 181)[:, None], torch.full((181, 1), 2.0)], 1)
    assert set(task.predict(scores).tolist()) == {0, 1, 2}
    p = task.probabilities(scores)
    distance = (torch.arange(3)[:, None] - torch.arange(3)).abs().float()
    assert torch.equal((p @ distance).argmin(1), task.predict(scores))


def test_two_ordered_classes_are_a_logistic_regression() -> None:
    score = draw(5, 1)
    labels = torch.tensor([0, 1, 1, 0, 1])
    expected = F.binary_cross_entropy_with_logits(score[:, 0], labels.double(), reduction="none")
    torch.testing.assert_close(Ordered("t", 2).loss(score, labels), expected)


def test_dense_classes_are_means_over_labelled_pixels() -> None:
    logits, labels = draw(2, 3, 4, 5), torch.randint(3, (2, 4, 5), generator=GENERATOR)
    labels[0, :2] = -1
    task = DenseClasses("t", 3)
    image = F.cross_entropy(logits, labels, reduction="none", ignore_index=-1)
    torch.testing.assert_close(task.loss_image(logits, labels), image)
    torch.testing.assert_close(task.loss(logits, labels), torch.stack([image[0, 2:].mean(), image[1].mean()]))
    assert task.predict(logits).shape == (2, 4, 5)


def test_dense_regression_is_the_mean_over_labelled_pixels() -> None:
    output, target = draw(2, 3, 4, 5), draw(2, 3, 4, 5)
    target[0, 1, :2] = math.nan
    task = DenseRegression("t", 3, mean=1.0, scale=2.0)
    square = (output - (target - 1) / 2).square().mean(1)
    torch.testing.assert_close(
        task.loss(output, target), torch.stack([square[0, 2:].mean(), square[1].mean()])
    )
    assert task.loss_image(output, target)[0, 0, 0].item() == 0.0
    flat = DenseRegression("t", 1)
    torch.testing.assert_close(
        flat.loss(output[:, :1], target[:, 0]), flat.loss(output[:, :1], target[:, :1])
    )
