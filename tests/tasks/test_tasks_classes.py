"""The focal loss and cross-entropy against their definitions."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from auxin.errors import ConfigError, DataError
from auxin.tasks.classes import Classes

LOGITS = torch.randn(7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
LABELS = torch.tensor([0, 3, 1, 2, 2, 0, 1])


def direct(p: torch.Tensor, t: torch.Tensor, gamma: float) -> torch.Tensor:
    """Equation 1 as printed."""
    return -(t * (1 - p) ** gamma * p.log()).sum(1)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 3.5])
def test_hard_labels_follow_equation_1(gamma: float) -> None:
    expected = direct(LOGITS.softmax(1), F.one_hot(LABELS, 4).double(), gamma)
    torch.testing.assert_close(
        Classes("t", 4, gamma=gamma).loss(LOGITS, LABELS), expected, rtol=1e-13, atol=0
    )


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_soft_labels_follow_equation_1(gamma: float) -> None:
    soft = LOGITS.flip(0).softmax(1)
    expected = direct(LOGITS.softmax(1), soft, gamma)
    torch.testing.assert_close(Classes("t", 4, gamma=gamma).loss(LOGITS, soft), expected, rtol=1e-13, atol=0)


def test_a_one_hot_soft_label_is_the_hard_label() -> None:
    task = Classes("t", 4)
    torch.testing.assert_close(task.loss(LOGITS, F.one_hot(LABELS, 4).double()), task.loss(LOGITS, LABELS))


def test_cross_entropy_is_torchs() -> None:
    expected = F.cross_entropy(LOGITS, LABELS, reduction="none")
    torch.testing.assert_close(Classes("t", 4, loss="cross_entropy").loss(LOGITS, LABELS), expected)


@pytest.mark.parametrize("soft", [False, True])
def test_class_weights_scale_each_classs_share(soft: bool) -> None:
    weights = [1.0, 2.0, 0.5, 3.0]
    plain, weighted = Classes("t", 4), Classes("t", 4, class_weights=weights)
    if not soft:
        expected = plain.loss(LOGITS, LABELS) * torch.tensor(weights, dtype=torch.float64)[LABELS]
        torch.testing.assert_close(weighted.loss(LOGITS, LABELS), expected)
        return
    target = LOGITS.flip(0).softmax(1)
    shares = [plain.loss(LOGITS, F.one_hot(torch.full((7,), k), 4).double()) * target[:, k] for k in range(4)]
    expected = sum(w * share for w, share in zip(weights, shares, strict=True))
    torch.testing.assert_close(weighted.loss(LOGITS, target), expected)


def test_the_gradient_to_a_soft_label_is_the_classs_loss() -> None:
    soft = LOGITS.flip(0).softmax(1).requires_grad_()
    [gradient] = torch.autograd.grad(Classes("t", 4, "focal").loss(LOGITS, soft).sum(), soft)
    p = LOGITS.softmax(1)
    torch.testing.assert_close(gradient, -((1 - p) ** 2) * p.log())


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_far_out_logits_keep_finite_first_and_second_derivatives(gamma: float) -> None:
    z = torch.tensor([[120.0, 0.0], [0.0, 120.0], [-3e4, 3e4]], requires_grad=True)
    loss = Classes("t", 2, gamma=gamma).loss(z, torch.tensor([0, 0, 1]))
    [first] = torch.autograd.grad(loss.sum(), z, create_graph=True)
    [second] = torch.autograd.grad(first.square().sum(), z)
    assert bool(loss.isfinite().all())
    assert bool(first.isfinite().all())
    assert bool(second.isfinite().all())
    assert first[1, 0].item() == pytest.approx(-1.0)  # a confident mistake still pulls


@given(st.floats(0, 4), st.integers(2, 6), st.integers(0, 10_000))
def test_the_loss_is_between_zero_and_cross_entropy(gamma: float, classes: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(5, classes, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (5,), generator=generator)
    focal = Classes("t", classes, gamma=gamma).loss(logits, labels)
    plain = Classes("t", classes, loss="cross_entropy").loss(logits, labels)
    assert bool((focal >= 0).all())
    assert bool((focal <= plain + 1e-12).all())


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"width": 1}, "needs classes"),
        ({"loss": "focall"}, "Did you mean 'focal'"),
        ({"gamma": -1.0}, "gamma"),
        ({"gamma": math.nan}, "gamma"),
        ({"label_names": ["a", "b"]}, "label_names"),
        ({"class_weights": [1.0]}, "class_weights"),
    ],
)
def test_options_without_sense_are_refused(options: dict, wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        Classes("t", **{"width": 3, **options})


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        (torch.tensor([0, 3]), "0 to 2.*Found 0 to 3"),
        (torch.tensor([-2, 0]), "Found -2 to 0"),
        (torch.tensor([[0, 1]]), r"shape \[B\]"),
        (torch.tensor([0.5, 1.0]), r"shape \[B, 3\]"),
        (torch.tensor([[0.5, 0.5, 0.5]]), "distributions"),
        (torch.tensor([[1.5, -0.5, 0.0]]), "distributions"),
        (torch.tensor([True, False]), "integer"),
    ],
)
def test_unusable_targets_are_refused(target: torch.Tensor, wrong: str) -> None:
    with pytest.raises(DataError, match=wrong):
        Classes("t", 3).check(target)


def test_usable_targets_pass() -> None:
    task = Classes("t", 3)
    task.check(torch.tensor([-1, 0, 2]))
    task.check(torch.tensor([[0.2, 0.3, 0.5], [math.nan] * 3]))
    task.check(torch.zeros(0, dtype=torch.int64))


def test_the_default_is_cross_entropy_and_gamma_asks_for_the_focal_loss() -> None:
    expected = F.cross_entropy(LOGITS, LABELS, reduction="none", ignore_index=-1)
    torch.testing.assert_close(Classes("t", 4).loss(LOGITS, LABELS), expected)
    for focal in (Classes("t", 4, "focal"), Classes("t", 4, gamma=2.0)):
        torch.testing.assert_close(
            focal.loss(LOGITS, LABELS), Classes("t", 4, "focal", 2.0).loss(LOGITS, LABELS)
        )
        assert focal.gamma == 2.0
