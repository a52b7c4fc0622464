"""FAMO against its equations with torch's own Adam, and Meta-Weight-Net's weights and what it learns."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import auxin
from auxin.combiners import build
from auxin.combiners.base import TaskLosses
from auxin.training.steps import Learner

NAMES = ("t0", "t1", "t2")


def losses_of(*means):
    return TaskLosses(torch.tensor([means]), torch.ones(1, len(means), dtype=torch.bool), NAMES)


def test_famo_is_adam_on_the_log_losses_and_its_weights_are_the_scaled_log_gradient():
    famo, xi = build("famo", NAMES, rate=0.1, decay=0.01), torch.zeros(3, requires_grad=True)
    adam = torch.optim.Adam([xi], lr=0.1)
    points = [(1.0, 2.0, 0.5), (0.8, 1.9, 0.5), (0.3, 1.0, 0.45), (0.2, 0.9, 0.3)]
    for before, after in pairwise(points):
        famo.after_update(losses_of(*before), losses_of(*after))
        fell = torch.tensor(before).log() - torch.tensor(after).log()
        (slope,) = torch.autograd.grad(torch.softmax(xi, 0), xi, fell)
        xi.grad = slope + 0.01 * xi.detach()
        adam.step()
        torch.testing.assert_close(famo.logits, xi.detach())
    means = torch.tensor(points[-1], requires_grad=True)
    (direction,) = torch.autograd.grad((torch.softmax(xi.detach(), 0) * means.log()).sum(), means)
    torch.testing.assert_close(famo.task_weights(losses_of(*points[-1])), 3 * direction / direction.sum())


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2))


def test_famo_sees_the_batch_before_and_after_the_step_and_nothing_else_moves():
    net = network()
    aux = auxin.Auxiliary(
        net,
        main="a",
        tasks={"a": F.mse_loss, "b": F.mse_loss},
        combiner="famo",
        outputs=lambda y: {"a": y[:, 0], "b": y[:, 1]},
    )
    batch = (torch.randn(6, 4), {"a": torch.randn(6), "b": torch.randn(6)})
    optimizer, seen = torch.optim.SGD(net.parameters(), lr=0.1), []
    aux.combiner.after_update = lambda *told: seen.append([losses.means() for losses in told])
    aux(net(batch[0]), batch).backward()
    optimizer.step()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    aux.after_step(optimizer)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    put = net(batch[0])
    now = torch.stack([F.mse_loss(put[:, i], batch[1][name]) for i, name in enumerate("ab")]).detach()
    torch.testing.assert_close(seen[0][1], now)
    assert (seen[0][0] != now).all()


def test_compare_shows_famo_the_batch_again(monkeypatch):
    looked = []
    monkeypatch.setattr("auxin.combiners.famo.FAMO.after_update", lambda self, *told: looked.append(told))
    assert "look_again" in Learner.train_step.__code__.co_names
    famo = build("famo", NAMES)
    famo.after_update(losses_of(1.0, 1.0, 1.0), losses_of(1.0, 1.0, 1.0))
    assert len(looked) == 1


def test_meta_weight_is_a_weighted_mean_over_labelled_samples():
    combiner = build("meta_weight", NAMES, scale=0.5)
    with torch.no_grad():
        for parameter in combiner.parameters():
            parameter += 0.3 * torch.rand(parameter.shape, generator=torch.Generator().manual_seed(1))
            parameter[0] -= 0.5
    values, present = torch.rand(7, 3), torch.rand(7, 3) > 0.3
    losses = TaskLosses(values * present, present, NAMES)
    share = combiner.sample_weights(losses)
    assert share.std() > 0.01 * share.mean()
    expected = sum(
        s * (share * present[:, k] * values[:, k]).sum() / (share * present[:, k]).sum()
        for k, s in enumerate((1.0, 0.5, 0.5))
    )
    torch.testing.assert_close(combiner(losses), expected)


def test_meta_weight_learns_to_leave_out_wrong_labels():
    torch.manual_seed(0)
    weights = torch.randn(5)
    x, clean = torch.randn(120, 5), torch.randn(60, 5)
    y, wrong = (x @ weights > 0).float(), torch.arange(120) < 48
    y[wrong] = 1 - y[wrong]
    net = nn.Linear(5, 1)

    def loss(output, target):
        return F.binary_cross_entropy_with_logits(output[:, 0], target, reduction="none")

    aux = auxin.Auxiliary(net, main="a", tasks={"a": loss}, combiner="meta_weight", every=1, lr=0.5)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
    for _ in range(150):
        optimizer.zero_grad()
        aux(net(x), (x, y)).backward()
        optimizer.step()
        aux.after_step(optimizer, (clean, (clean @ weights > 0).float()))
    losses = loss(net(x), y).detach()
    share = aux.combiner.sample_weights(TaskLosses(losses[:, None], torch.ones(120, 1) > 0, ("a",))).detach()
    assert share[wrong].mean() < 0.5 * share[~wrong].mean()


@pytest.mark.parametrize("name", ["famo", "meta_weight"])
def test_a_task_alone_is_its_mean(name):
    losses = TaskLosses(torch.tensor([[1.0], [3.0]]), torch.ones(2, 1) > 0, ("t0",))
    assert build(name, ("t0",))(losses).item() == pytest.approx(2.0)
