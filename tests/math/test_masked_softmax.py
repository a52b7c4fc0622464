"""The masked softmax against its formula in float64, at extreme logits, and for rows without a label."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from auxin.errors import ConfigError
from auxin.math.hierarchy import Hierarchy
from auxin.math.masked_softmax import masked_softmax, one_hot_or_nan, shared_softmax, straight_through

PSI = Hierarchy((2, 1, 4))
MAIN = torch.tensor([0, 2, 1, -1, 2])


def logits(seed=0, scale=1.0):
    drawn = torch.randn(5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return (drawn * scale).requires_grad_()


def explicit(z, main, temperature):
    """Row by row over the class's own slice, from the definition."""
    rows = []
    for row, label in zip(z.tolist(), main.tolist(), strict=True):
        if label < 0:
            rows.append([float("nan")] * len(row))
            continue
        start, size = PSI.starts()[label], PSI.sizes[label]
        own = [
            torch.tensor(v / temperature, dtype=torch.float64).exp().item() for v in row[start : start + size]
        ]
        rows.append([0.0] * start + [v / sum(own) for v in own] + [0.0] * (len(row) - start - size))
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 7.0])
def test_masked_softmax_is_its_definition(temperature):
    z = logits(1, 3.0)
    found = masked_softmax(z, PSI.mask(MAIN), temperature)
    torch.testing.assert_close(found, explicit(z, MAIN, temperature), rtol=1e-13, atol=1e-15, equal_nan=True)


@pytest.mark.parametrize("extreme", [30.0, 89.0, 100.0, 1000.0, 1e30])
def test_extreme_logits_neither_overflow_nor_leak(extreme):
    z = torch.tensor([[extreme, extreme, 5 * extreme, 0, 0, 0, 0], [-extreme, 0, 0, 0, 0, 0, 0]])
    found = masked_softmax(z, PSI.mask(torch.tensor([0, 0])))
    torch.testing.assert_close(found[0, :2], torch.tensor([0.5, 0.5]))
    assert found.isfinite().all()
    assert found[:, 2:].eq(0).all()
    torch.testing.assert_close(found.sum(1), torch.ones(2))


def test_a_leading_excluded_class_takes_nothing():
    """The authors' code gives it 0.99998 of the mass."""
    found = masked_softmax(torch.tensor([[0.0, 30.0]]), torch.tensor([[True, False]]))
    assert found.tolist() == [[1.0, 0.0]]


def test_gradient_is_right_and_gradcheck_agrees():
    kept = MAIN >= 0
    assert torch.autograd.gradcheck(lambda z: masked_softmax(z, PSI.mask(MAIN), 0.7)[kept], logits(2))
    assert torch.autograd.gradgradcheck(lambda z: masked_softmax(z, PSI.mask(MAIN), 0.7)[kept], logits(2))


def test_no_gradient_and_no_nan_from_excluded_classes_and_unlabelled_rows():
    z = logits(3)
    target = masked_softmax(z, PSI.mask(MAIN))
    weights = torch.randn(5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    with torch.autograd.set_detect_anomaly(True):  # nor in between
        (target * weights).sum().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()
    assert z.grad[~PSI.mask(MAIN)].eq(0).all()
    assert z.grad[0, :2].ne(0).all()


def test_unlabelled_rows_may_hold_anything():
    z = torch.tensor([[torch.nan, torch.inf], [0.0, 0.0]], requires_grad=True)
    found = masked_softmax(z, torch.tensor([[False, False], [True, True]]))
    assert found[0].isnan().all()
    (found[1] * torch.tensor([1.0, 2.0])).sum().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(0, 10**6))
def test_rows_sum_to_one_within_the_class_for_any_psi(sizes, seed):
    psi, generator = Hierarchy(tuple(sizes)), torch.Generator().manual_seed(seed)
    main = torch.randint(0, psi.primary, (9,), generator=generator)
    found = masked_softmax(torch.randn(9, psi.classes, generator=generator) * 50, psi.mask(main))
    torch.testing.assert_close(found.sum(1), torch.ones(9))
    assert found[~psi.mask(main)].eq(0).all()


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ConfigError, match="temperature"):
        masked_softmax(torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool), temperature)


def test_shared_softmax_is_pytorchs():
    z = logits(5)
    torch.testing.assert_close(shared_softmax(z, 2.0), (z / 2).softmax(1))


def test_straight_through_is_one_hot_forward_and_soft_backward():
    z = logits(6)
    soft = masked_softmax(z, PSI.mask(MAIN))
    hard = straight_through(soft)
    kept = MAIN >= 0
    assert hard[kept].eq(1).sum(1).eq(1).all()
    assert hard[kept].eq(0).sum(1).eq(6).all()
    assert hard[kept].argmax(1).equal(soft[kept].argmax(1))
    assert hard[~kept].isnan().all()
    weights = torch.arange(7.0, dtype=torch.float64)
    (found,) = torch.autograd.grad((hard[kept] * weights).sum(), z, retain_graph=True)
    (expected,) = torch.autograd.grad((soft[kept] * weights).sum(), z)
    torch.testing.assert_close(found, expected)


def test_one_hot_or_nan():
    found = one_hot_or_nan(torch.tensor([2, -1, 0]), 3, torch.float64)
    assert found.dtype == torch.float64
    torch.testing.assert_close(
        found,
        torch.tensor([[0, 0, 1], [torch.nan] * 3, [1, 0, 0]], dtype=torch.float64),
        equal_nan=True,
    )
