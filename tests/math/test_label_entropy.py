"""The entropy terms by hand, their sign, their derivatives, and how the two forms relate."""

import math

import pytest
import torch

from auxin.math.hierarchy import Hierarchy
from auxin.math.label_entropy import batch_entropy, class_entropy, negative_entropy
from auxin.math.masked_softmax import masked_softmax, straight_through

PSI = Hierarchy((2, 3))
NAN = float("nan")


def targets_of(z, main, psi=PSI):
    return masked_softmax(z, psi.mask(main))


def drawn(rows, seed=0, classes=5):
    return torch.randn(rows, classes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_batch_entropy_by_hand_leaves_out_rows_without_a_label():
    targets = torch.tensor([[0.5, 0.5, 0.0], [NAN, NAN, NAN], [0.0, 0.0, 1.0]], dtype=torch.float64)
    expected = 2 * 0.25 * math.log(0.25) + 0.5 * math.log(0.5)
    assert batch_entropy(targets).item() == pytest.approx(expected, abs=1e-15)


def test_class_entropy_by_hand():
    targets = torch.tensor([[1.0, 0, 0, 0, 0], [0.5, 0.5, 0, 0, 0], [0, 0, 0.2, 0.3, 0.5], [NAN] * 5])
    first = 0.75 * math.log(0.75) + 0.25 * math.log(0.25)
    second = 0.2 * math.log(0.2) + 0.3 * math.log(0.3) + 0.5 * math.log(0.5)
    assert class_entropy(targets.double(), PSI).item() == pytest.approx((first + second) / 2, abs=1e-7)


def test_class_entropy_counts_only_classes_in_the_batch():
    targets = torch.tensor([[0.5, 0.5, 0.0, 0.0, 0.0]], dtype=torch.float64)
    assert class_entropy(targets, PSI).item() == pytest.approx(-math.log(2), abs=1e-15)


@pytest.mark.parametrize("form", [batch_entropy, lambda t: class_entropy(t, PSI)])
def test_nothing_labelled_is_zero_with_a_zero_gradient(form):
    z = drawn(3).requires_grad_()
    term = form(targets_of(z, torch.full((3,), -1)))
    assert term.item() == 0
    (gradient,) = torch.autograd.grad(term, z)
    assert gradient.eq(0).all()


@pytest.mark.parametrize("form", [batch_entropy, lambda t: class_entropy(t, PSI)])
def test_derivative_agrees_with_finite_differences(form):
    main = torch.tensor([0, 1, 1, -1])
    assert torch.autograd.gradcheck(lambda z: form(targets_of(z, main)), drawn(4).requires_grad_())


@pytest.mark.parametrize("form", [batch_entropy, lambda t: class_entropy(t, PSI)])
def test_minimising_it_makes_the_mean_label_uniform_within_each_class(form):
    """The sign: it is added to the outer loss and minimised."""
    main = torch.tensor([0, 0, 1, 1, 1])
    z = (drawn(5, 1) * 2).requires_grad_()
    start = targets_of(z, main)[:2, :2].mean(0).max()
    optimiser = torch.optim.SGD([z], lr=2.0)
    for _ in range(300):
        optimiser.zero_grad()
        form(targets_of(z, main)).backward()
        optimiser.step()
    found = targets_of(z, main).detach()
    assert start > 0.6
    torch.testing.assert_close(
        found[:2, :2].mean(0), torch.full((2,), 0.5, dtype=torch.float64), atol=0.02, rtol=0
    )
    torch.testing.assert_close(
        found[2:, 2:].mean(0), torch.full((3,), 1 / 3, dtype=torch.float64), atol=0.02, rtol=0
    )


def test_the_batch_form_is_the_class_form_weighted_by_rows():
    main = torch.tensor([0, 1, 1, 1])
    targets = targets_of(drawn(4, 2), main)
    expected = 0.0
    for primary, columns in ((0, slice(0, 2)), (1, slice(2, 5))):
        share = (main == primary).double().mean().item()
        own = negative_entropy(targets[main == primary][:, columns].mean(0)).item()
        expected += share * (math.log(share) + own)
    assert batch_entropy(targets).item() == pytest.approx(expected, abs=1e-14)


def test_the_two_forms_differ_where_classes_have_unequal_rows():
    main, z = torch.tensor([0, 1, 1, 1]), drawn(4, 3).requires_grad_()
    (batch,) = torch.autograd.grad(batch_entropy(targets_of(z, main)), z)
    (by_class,) = torch.autograd.grad(class_entropy(targets_of(z, main), PSI), z)
    torch.testing.assert_close(batch[0] * 2, by_class[0])
    torch.testing.assert_close(batch[1:] * 2 / 3, by_class[1:])


def test_a_class_absent_from_the_batch_and_a_saturated_label_give_no_nan():
    z = torch.tensor([[400.0, -400.0, 3.0, 0.0, 0.0]], requires_grad=True)
    term = batch_entropy(targets_of(z, torch.tensor([0])))
    (gradient,) = torch.autograd.grad(term, z)
    assert gradient.isfinite().all()


def test_hard_labels_that_skip_a_class_are_pushed_towards_it():
    z = torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0]] * 2, dtype=torch.float64, requires_grad=True)
    term = batch_entropy(straight_through(targets_of(z, torch.tensor([0, 0]))))
    (gradient,) = torch.autograd.grad(term, z)
    assert gradient.isfinite().all()
    assert (gradient[:, 1] < 0).all()
    assert (gradient[:, 0] > 0).all()
