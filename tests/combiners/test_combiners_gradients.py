"""Combiners that look at gradients: gradient cosine, PCGrad, AuxiNash, each against explicit gradients."""

import numpy as np
import pytest
import torch
from combiner_cases import gradients, net_and_losses
from scipy.optimize import minimize

from auxin.combiners import build
from auxin.combiners.aux_nash import bargain, sensitivity
from auxin.errors import RunError

NAMES = ["t0", "t1", "t2"]


def cos(a, b):
    return (a @ b / (a.norm() * b.norm())).item()


@pytest.mark.parametrize("mode", ["gated", "weighted"])
@pytest.mark.parametrize("seed", range(4))
def test_gradient_cosine_moves_along_the_explicit_direction(mode, seed):
    net, found, rows = net_and_losses(seed)
    expected = rows[0].clone()
    for g in rows[1:]:
        c = cos(rows[0], g)
        expected += (0.5 * g if mode == "gated" else 0.5 * c * g) if c > 0 else 0.0
    combiner = build("gradient_cosine", NAMES, mode=mode, scale=0.5)
    torch.testing.assert_close(net.direction(combiner(found, rows @ rows.T)), expected)


@pytest.mark.parametrize("mode", ["gated", "weighted"])
@pytest.mark.parametrize("seed", range(4))
def test_gradient_cosine_against_the_sum(mode, seed):
    net, found, rows = net_and_losses(seed)
    rest = rows[1:].sum(0)
    c = cos(rows[0], rest)
    expected = rows[0] + ((1.0 if mode == "gated" else c) if c > 0 else 0.0) * rest
    combiner = build("gradient_cosine", NAMES, mode=mode, against="sum")
    torch.testing.assert_close(net.direction(combiner(found, rows @ rows.T)), expected)


def test_the_sum_and_each_disagree_where_they_should():
    rows = torch.tensor([[1.0, 0.0], [3.0, 0.0], [-1.0, 0.0]])
    weights = [
        build("gradient_cosine", NAMES, against=a).weights(rows @ rows.T, torch.ones(3)).tolist()
        for a in ("each", "sum")
    ]
    assert weights == [[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]


def test_the_threshold_is_a_cosine():
    rows = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 0.1]])
    combiner = build("gradient_cosine", NAMES, threshold=0.9)
    assert combiner.weights(rows @ rows.T, torch.ones(3)).tolist() == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("seed", range(6))
def test_pcgrad_is_the_explicit_projection(seed):
    net, found, rows = net_and_losses(seed)
    expected = rows[0].clone()
    for g in rows[1:]:
        inner = g @ rows[0]
        expected += 0.7 * (g - inner / rows[0].norm() ** 2 * rows[0] if inner < 0 else g)
    combiner = build("pcgrad", NAMES, scale=0.7)
    torch.testing.assert_close(net.direction(combiner(found, rows @ rows.T)), expected)
    assert (expected @ rows[0]) >= rows[0].norm() ** 2 * (1 - 1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_db_mtl_is_the_sum_of_the_log_losses_gradients_at_one_length(seed):
    net, found, rows = net_and_losses(seed)
    logs = [net.direction(loss.log()) for loss in found.means()]
    longest = max(g.norm() for g in logs)
    expected = 0.7 * sum(longest * g / g.norm() for g in logs)
    combiner = build("db_mtl", NAMES, scale=0.7)
    torch.testing.assert_close(net.direction(combiner(found, rows @ rows.T)), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("against", ["each", "sum"])
def test_a_gradient_that_is_zero_has_no_cosine(against):
    combiner = build("gradient_cosine", NAMES, mode="weighted", against=against)
    for gramian in (torch.diag(torch.tensor([0.0, 1.0, 4.0])), torch.diag(torch.tensor([1.0, 0.0, 0.0]))):
        assert combiner.weights(gramian, torch.ones(3)).tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("name", ["gradient_cosine", "pcgrad", "aux_nash"])
def test_a_main_task_without_a_gradient_is_no_division_by_zero(name):
    gramian = torch.diag(torch.tensor([0.0, 1.0, 4.0]))
    weights = build(name, NAMES).weights(gramian, torch.ones(3))
    assert torch.isfinite(weights).all()


def scipy_bargain(gramian, preference):
    """The convex problem solved by an optimiser that knows nothing of ours."""
    m, p = gramian.numpy(), preference.numpy()

    def objective(log_a):
        a = np.exp(log_a)
        return a @ m @ a / 2 - p @ log_a, a * (m @ a) - p

    start = np.log(np.sqrt(p / np.diag(m)))
    return np.exp(minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-12}).x)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("count", [2, 3, 6])
def test_the_bargain_is_scipys(seed, count):
    rows = gradients(count, 9, seed)
    gramian, p = rows @ rows.T, torch.linspace(0.2, 2.0, count)
    a = bargain(gramian, p)
    assert (a > 0).all()
    torch.testing.assert_close(gramian @ a, p / a, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(a, scipy_bargain(gramian, p), rtol=1e-5)


@pytest.mark.parametrize("angle", [-0.99, -0.9999, 0.9999])
def test_the_bargain_of_two_in_closed_form(angle):
    """For unit gradients with cosine c and p = 1, a = 1 / sqrt(1 + c) for both."""
    gramian = torch.tensor([[1.0, angle], [angle, 1.0]])
    expected = torch.full((2,), (1 + angle) ** -0.5)
    torch.testing.assert_close(bargain(gramian, torch.ones(2)), expected, rtol=1e-7, atol=0.0)


def test_no_bargain_is_an_error_and_not_a_number():
    opposed = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    with pytest.raises(RunError, match="damping"):
        bargain(opposed, torch.ones(2))
    assert torch.isfinite(build("aux_nash", ["a", "b"]).weights(opposed, torch.ones(2))).all()


def test_the_bargains_sensitivity_is_its_derivative():
    rows, p = gradients(3, 9), torch.tensor([0.5, 1.0, 1.5])
    gramian = rows @ rows.T
    found = sensitivity(gramian, p, bargain(gramian, p))
    for k in range(3):
        step = torch.zeros(3)
        step[k] = 1e-5
        slope = (bargain(gramian, p + step) - bargain(gramian, p - step)) / 2e-5
        torch.testing.assert_close(found[:, k], slope, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("unit", ["main", "frobenius", "none"])
def test_aux_nash_solves_the_equation_in_its_unit(unit):
    rows = gradients(3, 9)
    gramian = rows @ rows.T
    unit_of = {"main": gramian[0, 0], "frobenius": gramian.norm(), "none": torch.tensor(1.0)}[unit]
    combiner = build("aux_nash", NAMES, unit=unit, damping=0.0)
    combiner.preference.data = torch.tensor([2.0, 0.4, 0.6])
    a = combiner.weights(gramian, torch.ones(3)).detach()
    torch.testing.assert_close(gramian / unit_of @ a, torch.tensor([2.0, 0.4, 0.6]) / a)


def test_aux_nash_is_differentiable_in_its_preferences():
    rows = gradients(3, 9)
    combiner = build("aux_nash", NAMES, damping=0.0)
    slope = torch.autograd.functional.jacobian(
        lambda p: torch.func.functional_call(combiner, {"preference": p}, (_ones(), rows @ rows.T)),
        torch.ones(3),
    )
    base = bargain(rows @ rows.T / (rows[0] @ rows[0]), torch.ones(3))
    expected = sensitivity(rows @ rows.T / (rows[0] @ rows[0]), torch.ones(3), base).sum(0)
    torch.testing.assert_close(slope, expected)


def _ones():
    from combiner_cases import losses

    return losses(torch.ones(1, 3))


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_aux_nash_does_not_know_an_auxiliarys_unit(factor):
    rows = gradients(3, 9)
    scaled = rows * torch.tensor([1.0, factor, 1.0])[:, None]
    combiner = build("aux_nash", NAMES)
    before, after = (combiner.weights(g @ g.T, torch.ones(3)).detach() for g in (rows, scaled))
    torch.testing.assert_close(before @ rows, after @ scaled, rtol=1e-8, atol=1e-8)


def test_aux_nash_gives_a_task_without_a_gradient_no_weight():
    gramian = torch.diag(torch.tensor([1.0, 0.0, 4.0]))
    combiner = build("aux_nash", NAMES, damping=0.0)
    torch.testing.assert_close(
        combiner.weights(gramian, torch.ones(3)).detach(), torch.tensor([1.0, 0.0, 0.5])
    )


def test_preferences_stay_positive_and_add_up():
    combiner = build("aux_nash", NAMES)
    combiner.preference.data = torch.tensor([3.0, -1.0, 1.0])
    combiner.after_meta_step()
    assert combiner.preference.sum().item() == pytest.approx(3.0)
    assert combiner.preference.min() > 0
    assert combiner.preference.argmax() == 0


@pytest.mark.parametrize("options", [{}, {"against": "sum"}, {"mode": "weighted"}, {"threshold": 0.2}])
def test_gradient_cosine_is_the_same_from_the_main_row_where_it_asks_for_no_more(options):
    rows = gradients(3, 9)
    whole = rows @ rows.T
    row = torch.zeros_like(whole)
    row[0], row[:, 0] = whole[0], whole[0]
    combiner = build("gradient_cosine", ["t0", "t1", "t2"], **options)
    assert combiner.main_row_only == (not {"mode", "threshold"} & set(options))
    if combiner.main_row_only:
        assert torch.equal(combiner.weights(whole, whole[0]), combiner.weights(row, whole[0]))


def test_cosines_of_ol_aux_need_the_norms():
    assert build("ol_aux", NAMES).main_row_only
    assert not build("ol_aux", NAMES, similarity="cosine").main_row_only
