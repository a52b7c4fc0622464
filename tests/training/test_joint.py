"""Losses of tasks that are alike, in one call: the same numbers, gradients and Gramian as one by one."""

import pytest
import torch
from torch import nn

from auxin import Auxiliary
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression
from auxin.training import joint
from auxin.training.task_losses import entry

D = torch.float64


class Steeper(Regression):
    """Its own loss, so it is not like other real numbers."""

    def loss(self, output, target):
        return 3 * super().loss(output, target)


TASKS = {
    "price": Regression("price", mean=2.0, scale=3.0),
    "kind": Classes("kind", 3),
    "size": Regression("size"),
    "steep": Steeper("steep"),
    "robust": Regression("robust", loss="pseudo_huber"),
    "colour": Classes("colour", 3),
    "focal": Classes("focal", 3, loss="focal"),
    "soft": Classes("soft", 3),
    "mean": torch.nn.functional.l1_loss,
}


def batch(rows=7):
    generator = torch.Generator().manual_seed(0)
    y = {
        k: torch.randn(rows, generator=generator, dtype=D)
        for k in ("price", "size", "steep", "robust", "mean")
    }
    y |= {k: torch.randint(-1, 3, (rows,), generator=generator) for k in ("kind", "colour", "focal")}
    y["soft"] = torch.rand(rows, 3, generator=generator, dtype=D).softmax(1)
    y["price"][2], y["mean"] = torch.nan, y["mean"][:, None]
    return torch.randn(rows, 4, generator=generator, dtype=D), y


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.trunk = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh())
        widths = {k: getattr(task, "width", 1) for k, task in TASKS.items()}
        self.heads = nn.ModuleDict({k: nn.Linear(5, width) for k, width in widths.items()})
        self.double()

    def forward(self, x):
        hidden = self.trunk(x)
        return {k: head(hidden) for k, head in self.heads.items()}


def one_by_one(outputs, y):
    return [entry(k, task, outputs[k], y.get(k)) for k, task in TASKS.items()]


def test_losses_and_their_gradients_are_those_of_each_task_alone(monkeypatch):
    x, y = batch()
    y["colour"] = y["colour"][:5]
    outputs = {k: o[: len(y[k])].detach().requires_grad_() for k, o in Network()(x).items()}
    calls = []
    monkeypatch.setattr(Regression, "scaled_loss", spied(Regression.scaled_loss, calls))
    monkeypatch.setattr(Classes, "loss", spied(Classes.loss, calls))
    found = joint.joint_entries(TASKS, outputs, y, False)
    assert len(calls) == 6  # price and size, kind and colour; steep, robust, focal and soft alone
    for (values, present), (expected, there) in zip(found, one_by_one(outputs, y), strict=True):
        assert torch.equal(values, expected)
        assert torch.equal(present, there)
    slopes = [
        torch.autograd.grad(sum(values.square().sum() for values, _ in entries), list(outputs.values()))
        for entries in (found, one_by_one(outputs, y))
    ]
    assert all(torch.equal(a, b) for a, b in zip(*slopes, strict=True))


def spied(function, calls):
    return lambda *given: calls.append(1) or function(*given)


def test_tasks_that_read_the_same_output_are_not_joined():
    output = torch.randn(7, 3, dtype=D, requires_grad=True)
    tasks = {k: TASKS[k] for k in ("kind", "colour")}
    assert not joint._apart(tasks, dict.fromkeys(tasks, output))
    assert not joint._apart(tasks, dict.fromkeys(tasks, output.relu()))
    assert list(joint._apart(tasks, {"kind": output, "colour": output.relu()})) == ["kind", "colour"]


@pytest.mark.parametrize("combiner", ["gradnorm", "pcgrad"])
def test_the_gramian_is_that_of_the_tasks_own_mean_losses(combiner):
    (x, y), network = batch(), Network()
    aux = Auxiliary(network, main="price", tasks=TASKS, combiner=combiner)
    rows = []
    for values, present in one_by_one(network(x), y):
        mean = values[present].mean()
        grads = torch.autograd.grad(mean, list(network.trunk.parameters()), retain_graph=True)
        rows.append(torch.cat([g.flatten() for g in grads]))
    expected = torch.stack(rows) @ torch.stack(rows).T
    for _ in range(3):  # the first two find the shared parameters and compare
        aux(network(x), (x, y))
    found = aux.objective.gramian
    assert aux.shared.names() == [f"trunk.{k}" for k, _ in network.trunk.named_parameters()]
    torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=1e-14)
    if combiner == "gradnorm":
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    del y["colour"]
    aux(network(x), (x, y))
    place = list(TASKS).index("colour")
    assert not aux.objective.gramian[place].any()
    torch.testing.assert_close(aux.objective.gramian[0, :5], expected[0, :5], rtol=1e-12, atol=1e-14)
