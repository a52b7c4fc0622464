"""Combiners that are a weighted sum of mean losses: equal, static, linear, softmax, Auto-Lambda."""

import math

import pytest
import torch
from combiner_cases import losses, random_losses
from torch.nn import functional as F

from auxin.combiners import build
from auxin.errors import ConfigError

NAMES = ["t0", "t1", "t2"]


def by_hand(found, weights):
    """Sum of weighted means, from numpy."""
    values, there = found.values.detach().numpy(), found.present.numpy()
    means = [values[there[:, k], k].mean() if there[:, k].any() else 0.0 for k in range(len(weights))]
    return sum(w * m for w, m in zip(weights, means, strict=True))


@pytest.mark.parametrize("missing", [0.0, 0.5])
@pytest.mark.parametrize("scale", [0.0, 0.1, 1.0])
def test_equal(scale, missing):
    found = random_losses(missing=missing)
    assert build("equal", NAMES, scale=scale)(found).item() == pytest.approx(
        by_hand(found, [1, scale, scale])
    )


@pytest.mark.parametrize("weights", ["0.5,2", "t2=2,t1=0.5", [0.5, 2.0]])
def test_static_reads_numbers_texts_and_names(weights):
    found = random_losses(missing=0.3)
    assert build("static", NAMES, weights=weights)(found).item() == pytest.approx(by_hand(found, [1, 0.5, 2]))


def test_static_takes_one_number_for_all():
    found = random_losses()
    for weights in (0.3, "0.3"):
        loss = build("static", NAMES, weights=weights)(found)
        assert loss.item() == pytest.approx(by_hand(found, [1, 0.3, 0.3]))


@pytest.mark.parametrize("weights", ["0.5", "x,1", "1,2,3", "t1=1", "t1=1,t3=2", "-1,1", [1.0], "t1=1,2"])
def test_static_refuses_what_does_not_fit(weights):
    if weights == "0.5":
        weights = "nan"
    with pytest.raises(ConfigError):
        build("static", NAMES, weights=weights)


@pytest.mark.parametrize("form", ["positive", "clipped", "free", "convex"])
@pytest.mark.parametrize("main", ["fixed", "learned"])
def test_linear_begins_as_equal(form, main):
    found = random_losses(missing=0.4)
    linear = build("linear", NAMES, scale=0.2, form=form, main=main)
    assert linear(found).item() == pytest.approx(by_hand(found, [1, 0.2, 0.2]))


def test_linear_weights_are_softplus_of_raw():
    linear = build("linear", NAMES)
    linear.learned.raw.data = torch.tensor([-3.0, 2.0])
    found = random_losses()
    weights = [1.0, math.log1p(math.exp(-3)), math.log1p(math.exp(2))]
    assert linear(found).item() == pytest.approx(by_hand(found, weights))


def test_linear_learns_the_main_weight_where_asked():
    fixed, learned = (build("linear", NAMES, main=main) for main in ("fixed", "learned"))
    assert [sum(p.numel() for p in c.phi()) for c in (fixed, learned)] == [2, 3]


def test_clipping_happens_after_the_meta_step_only():
    linear = build("linear", NAMES, form="clipped")
    linear.learned.raw.data = torch.tensor([-3.0, 2.0])
    assert linear.weights().tolist() == [1.0, -3.0, 2.0]
    linear.after_meta_step()
    assert linear.weights().tolist() == [1.0, 0.0, 2.0]


def test_a_clipped_weight_comes_back():
    linear = build("linear", NAMES, form="clipped")
    linear.learned.raw.data = torch.tensor([0.0, 2.0])
    (grad,) = torch.autograd.grad(linear(random_losses()), linear.learned.raw)
    assert grad[0] > 0


def test_the_convex_form_stays_on_its_simplex():
    linear = build("linear", NAMES, form="convex", scale=0.5)
    linear.learned.raw.data = torch.tensor([5.0, -3.0, 1.0])
    weights = linear.weights()
    assert weights.sum().item() == pytest.approx(2.0)
    torch.testing.assert_close(weights, 2 * F.softmax(torch.tensor([5.0, -3.0, 1.0]), 0))


def test_softmax_shares_its_budget():
    softmax = build("softmax", NAMES, total=1.5)
    softmax.logits.data = torch.tensor([0.0, math.log(3.0)])
    found = random_losses(missing=0.3)
    assert softmax(found).item() == pytest.approx(by_hand(found, [1, 1.5 / 4, 4.5 / 4]))


@pytest.mark.parametrize("slack", [False, True])
def test_softmax_begins_as_equal(slack):
    found = random_losses(missing=0.3)
    assert build("softmax", NAMES, scale=0.3, slack=slack)(found).item() == pytest.approx(
        by_hand(found, [1, 0.3, 0.3])
    )


def test_slack_lets_every_auxiliary_go():
    softmax = build("softmax", NAMES, slack=True)
    softmax.logits.data.copy_(torch.tensor([-50.0, -50.0, 50.0]))
    found = random_losses()
    assert softmax(found).item() == pytest.approx(by_hand(found, [1, 0, 0]))


def test_auto_lambda_begins_at_a_tenth_and_may_become_negative():
    found = random_losses(missing=0.3)
    auto = build("auto_lambda", NAMES)
    assert auto(found).item() == pytest.approx(by_hand(found, [0.1] * 3))
    auto.weights.data = torch.tensor([1.0, -2.0, 0.5])
    auto.after_meta_step()
    assert auto(found).item() == pytest.approx(by_hand(found, [1, -2, 0.5]))


def test_a_harmful_task_loses_its_weight_by_a_step_down_its_hypergradient():
    """One look-ahead by hand: l_k = (w - c_k)^2 / 2 at w = 0, main at 1, helpful at 1, harmful at -1."""
    targets, w, rate = torch.tensor([1.0, 1.0, -1.0]), torch.zeros(1, requires_grad=True), 0.1
    linear = build("linear", NAMES)
    (grad,) = torch.autograd.grad(
        linear(losses((w - targets) ** 2 / 2 + torch.zeros(1, 3))), w, create_graph=True
    )
    outer = (w - rate * grad - 1) ** 2 / 2
    (hyper,) = torch.autograd.grad(outer.sum(), linear.learned.raw)
    # d outer / d weight_k = (w+ - 1) * (-rate) * (w - c_k); w+ = 0.1 * (1 + 1 - 1)
    slope = torch.sigmoid(linear.learned.raw.detach())
    torch.testing.assert_close(hyper, (0.1 - 1) * (-rate) * -targets[1:] * slope)
    assert hyper[0] < 0 < hyper[1]
