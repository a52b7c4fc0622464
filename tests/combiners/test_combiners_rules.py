"""Combiners with a rule of their own, or trained by the training loss: uncertainty, DWA, GradNorm, OL-AUX."""

import math

import numpy as np
import pytest
import torch
from combiner_cases import gradients, losses, random_losses

from auxin.combiners import build

NAMES = ["t0", "t1", "t2"]


def test_uncertainty_by_hand():
    found = random_losses(missing=0.3)
    combiner = build("uncertainty", NAMES)
    combiner.log_variance.data = torch.tensor([0.5, -1.0, 2.0])
    means = found.means().tolist()
    expected = sum(m * math.exp(-s) + s / 2 for m, s in zip(means, [0.5, -1.0, 2.0], strict=True))
    assert combiner(found).item() == pytest.approx(expected)


def test_the_best_log_variance_is_the_log_of_twice_the_loss():
    found = random_losses()
    combiner = build("uncertainty", NAMES)
    for _ in range(100):  # Newton: the second derivative is exp(-s) m
        (slope,) = torch.autograd.grad(combiner(found), combiner.log_variance)
        with torch.no_grad():
            combiner.log_variance -= slope / (torch.exp(-combiner.log_variance) * found.means())
    torch.testing.assert_close(combiner.log_variance.detach(), torch.log(2 * found.means()))
    torch.testing.assert_close(combiner.task_weights(found), 1 / (2 * found.means()))


@pytest.mark.parametrize(("limit", "largest"), [(100.0, 100.0), (7.0, 7.0), (0.0, math.inf)])
def test_a_memorised_tasks_weight_has_a_limit(limit, largest):
    """A loss of zero: the weight grows by 5 % a step for ever, and comes back when the loss does."""
    combiner = build("uncertainty", ["a", "b"], limit=limit)
    optimizer = torch.optim.SGD(combiner.trained_with_main(), lr=0.1)
    for value, steps in ((0.0, 200), (5.0, 400)):
        found = losses([[value, 1.0]])
        for _ in range(steps):
            optimizer.zero_grad()
            combiner(found).backward()
            torch.nn.utils.clip_grad_norm_(combiner.parameters(), 1.0)
            optimizer.step()
            combiner.after_step(found)
        weight = combiner.task_weights(found)[0].item()
        expected = min(largest, math.exp(0.05 * 200)) if value == 0 else 0.1
        assert weight == pytest.approx(expected, rel=0.05)


def test_uncertainty_begins_as_equal():
    found = random_losses(missing=0.3)
    torch.testing.assert_close(build("uncertainty", NAMES)(found).detach(), build("equal", NAMES)(found))


def test_an_absent_task_leaves_its_variance_alone():
    found = losses([[1.0, 0.0, 2.0]], torch.tensor([[True, False, True]]))
    combiner = build("uncertainty", NAMES, initial=0.7)
    (grad,) = torch.autograd.grad(combiner(found), combiner.log_variance)
    assert grad[1] == 0
    assert (grad[[0, 2]] != 0).all()


def test_dwa_over_three_epochs_by_hand():
    combiner, found = build("dwa", NAMES, temperature=2.0), random_losses()
    epochs = np.array([[1.0, 2.0, 4.0], [0.5, 1.9, 4.4], [0.4, 1.0, 1.1]])
    torch.testing.assert_close(combiner.task_weights(found), torch.ones(3))
    combiner.end_epoch(torch.tensor(epochs[0]))
    torch.testing.assert_close(combiner.task_weights(found), torch.ones(3))
    for t in (1, 2):
        combiner.end_epoch(torch.tensor(epochs[t]))
        e = np.exp(epochs[t] / epochs[t - 1] / 2.0)
        np.testing.assert_allclose(combiner.task_weights(found), 3 * e / e.sum())


def test_dwa_holds_a_task_without_losses_at_ratio_one():
    combiner, found = build("dwa", NAMES), random_losses()
    combiner.end_epoch(torch.tensor([1.0, 0.0, 2.0]))
    combiner.end_epoch(torch.tensor([0.5, 3.0, math.nan]))
    e = np.exp(np.array([0.5, 1.0, 1.0]) / 2)
    np.testing.assert_allclose(combiner.task_weights(found), 3 * e / e.sum())


def gradnorm_by_hand(weights, means, first, size, alpha, rate):
    """Gradient descent on sum |w_k n_k - target_k| by central differences, targets held constant."""
    left = means / first
    target = (weights * size).mean() * (left / left.mean()) ** alpha
    slope = np.zeros(3)
    for k in range(3):
        for sign in (1, -1):
            moved = weights.copy()
            moved[k] += sign * 1e-7
            slope[k] += sign * np.abs(moved * size - target).sum() / 2e-7
    moved = np.maximum(weights - rate * slope, 1e-3)
    return moved * 3 / moved.sum()


@pytest.mark.parametrize("relative", [False, True])
def test_gradnorm_by_hand_over_steps(relative):
    combiner = build("gradnorm", NAMES, alpha=1.5, rate=0.02, relative=relative)
    weights, first = np.ones(3), None
    for t in range(4):
        found, rows = random_losses(seed=t), gradients(seed=t)
        means, size = found.means().numpy(), rows.norm(dim=1).numpy()
        first = means if first is None else first
        rate = 0.02 / size.mean() if relative else 0.02
        weights = gradnorm_by_hand(weights, means, first, size, 1.5, rate)
        combiner.after_step(found, rows @ rows.T)
        np.testing.assert_allclose(combiner.weights(torch.eye(3), torch.ones(3)), weights, rtol=1e-6)


@pytest.mark.parametrize(("alpha", "side"), [(1.0, -1), (3.0, 1)])
def test_gradnorms_alpha_decides_between_norm_and_pace(alpha, side):
    """Norms 1.1 and 0.9, paces 1.05 and 0.95: the slow task is asked for 1.05, or for 1.05^3 = 1.16."""
    combiner = build("gradnorm", ["a", "b"], alpha=alpha, rate=0.0)
    gramian = torch.diag(torch.tensor([1.21, 0.81]))
    combiner.after_step(losses([[1.0, 1.0]]), gramian)
    combiner.rate = 0.01
    combiner.after_step(losses([[1.05, 0.95]]), gramian)
    assert (combiner.current[0] - 1) * side > 0


def test_gradnorm_compares_with_the_tasks_that_are_there():
    """Norms 4 and 5 beside an absent task: their mean is 4.5; one weight rises, the other falls."""
    combiner = build("gradnorm", NAMES, alpha=0.0, rate=0.01)
    found = losses([[1.0, 1.0, 0.0]], torch.tensor([[True, True, False]]))
    combiner.after_step(found, torch.diag(torch.tensor([16.0, 25.0, 0.0])))
    assert combiner.current[0] > combiner.current[2] > combiner.current[1]


def test_gradnorm_settles_where_norms_agree():
    combiner, found = build("gradnorm", NAMES, alpha=0.0, rate=0.001), random_losses()
    for _ in range(3000):
        combiner.after_step(found, torch.diag(torch.tensor([1.0, 4.0, 0.25])))
    weighted = combiner.current * torch.tensor([1.0, 2.0, 0.5])
    torch.testing.assert_close(weighted, weighted.mean().expand(3), rtol=0.02, atol=0.0)


def test_gradnorm_leaves_an_absent_task_out():
    combiner = build("gradnorm", NAMES)
    found = losses([[1.0, 0.0, 2.0]], torch.tensor([[True, False, True]]))
    combiner.after_step(found, torch.diag(torch.tensor([1.0, 0.0, 9.0])))
    assert combiner.first.tolist() == [1.0, 0.0, 2.0]
    assert torch.isfinite(combiner.current).all()
    assert combiner.current.sum().item() == pytest.approx(3.0)


def test_ol_aux_sums_inner_products_over_n_steps():
    combiner, found = build("ol_aux", NAMES, rate=0.1, every=3, scale=0.5), random_losses()
    grams = [(g @ g.T) for g in (gradients(seed=t) for t in range(3))]
    for t in range(2):
        combiner.after_step(found, grams[t])
        assert combiner.current.tolist() == [1.0, 0.5, 0.5]
    combiner.after_step(found, grams[2])
    expected = 0.5 + 0.1 * sum(g[0, 1:] for g in grams)
    torch.testing.assert_close(combiner.current, torch.cat([torch.ones(1), expected]))
    for _ in range(3):
        combiner.after_step(found, grams[0])
    torch.testing.assert_close(combiner.current[1:], expected + 0.1 * 3 * grams[0][0, 1:])


def test_ol_aux_is_the_gradient_of_the_main_loss_after_a_look_ahead():
    """For small steps, -d m_0(W - a sum w_k g_k) / d w_k = a <g_0, g_k>."""
    rows, alpha = gradients(), 1e-6
    weights = torch.ones(3, requires_grad=True)
    main = (rows[0] * -(alpha * (weights @ rows))).sum()
    (slope,) = torch.autograd.grad(main, weights)
    combiner = build("ol_aux", NAMES, rate=alpha, every=1)
    combiner.after_step(random_losses(), rows @ rows.T)
    torch.testing.assert_close(combiner.current[1:] - 1, -slope[1:], rtol=1e-6, atol=1e-14)


def test_ol_aux_may_use_cosines_and_clip():
    combiner = build("ol_aux", NAMES, rate=2.0, every=1, similarity="cosine", clip=True)
    gramian = torch.tensor([[4.0, 6.0, -4.0], [6.0, 9.0, 0.0], [-4.0, 0.0, 4.0]])
    combiner.after_step(random_losses(), gramian)
    assert combiner.current.tolist() == [1.0, 3.0, 0.0]


@pytest.mark.parametrize("name", ["gradnorm", "ol_aux", "dwa"])
def test_looking_changes_nothing(name):
    combiner, found, rows = build(name, NAMES), random_losses(), gradients()
    before = {k: v.clone() for k, v in combiner.state_dict().items()}
    combiner.task_weights(found, rows @ rows.T)
    combiner(found, rows @ rows.T) if combiner.needs_gramian else combiner(found)
    assert all(torch.equal(v, before[k]) for k, v in combiner.state_dict().items())
