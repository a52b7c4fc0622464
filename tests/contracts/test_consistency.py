"""What every consistency promises."""

import pytest
import torch
from torch import Tensor

from auxin import catalogue
from auxin.consistency import Consistency
from auxin.models import build_network
from auxin.tasks.classes import Classes
from auxin.typing import Batch

NAMES = catalogue.names("consistency")
each = pytest.mark.parametrize("name", NAMES)
PAIRS = torch.tensor([-1, -1, -1, -1, 1, 2, 3])
"""Rows 4, 5 and 6 are the strong views of rows 1, 2 and 3; row 0 has no view."""


def made(name: str) -> tuple[Consistency, torch.nn.Module, Batch]:
    main = Classes("y", 3)
    one = catalogue.load("consistency", name).build(main)
    tasks = {"y": main, **({one.task.name: one.task} if one.own_head else {})}
    network = build_network("mlp", (4,), tasks, seed=0, hidden=8).double()
    one.attach(network)
    x = torch.randn(7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3
    return one, network, Batch(x, {"y": torch.tensor([0, 1, 2, -1, -1, -1, -1])}, torch.arange(7))


def outputs(one: Consistency, network: torch.nn.Module, batch: Batch) -> Tensor:
    return network(batch.x)[one.task.name if one.own_head else "y"]


def test_the_sweep_sees_every_consistency() -> None:
    assert {"fixmatch", "mean_teacher", "vicreg"} <= set(NAMES)


@each
def test_the_loss_is_of_the_strong_views_alone_and_the_task_bears_its_name(name: str) -> None:
    one, network, batch = made(name)
    target = one.targets(batch, PAIRS)
    assert one.task.name == name
    assert one.task.present(target).tolist() == [False] * 4 + [True] * 3
    losses = one.task.loss(outputs(one, network, batch), target)
    assert losses.shape == (7,)
    assert losses[:4].tolist() == [0.0] * 4
    assert bool(losses.isfinite().all())
    nothing = one.task.loss(outputs(one, network, batch), one.targets(batch, torch.full_like(PAIRS, -1)))
    assert nothing.tolist() == [0.0] * 7


@each
def test_rows_without_a_view_get_no_gradient(name: str) -> None:
    one, network, batch = made(name)
    target = one.targets(batch, PAIRS)
    output = outputs(one, network, batch).detach().requires_grad_()
    (slope,) = torch.autograd.grad(one.task.loss(output, target).sum(), output)
    assert slope[0].tolist() == [0.0] * output.shape[1]
    if not one.own_head:  # the weak views are answers, not what is trained
        assert float(slope[:4].abs().sum()) == 0.0


@each
def test_its_state_is_all_it_needs_to_go_on(name: str) -> None:
    one, network, batch = made(name)
    for parameter in network.parameters():
        parameter.data += 0.1
    one.after_step(network)
    other, _, _ = made(name)
    other.load_state_dict(one.state_dict())
    again, target = other.targets(batch, PAIRS), one.targets(batch, PAIRS)
    assert torch.equal(again.nan_to_num(-7), target.nan_to_num(-7))
    assert not [p for p in one.parameters() if p.requires_grad]


@each
def test_dense_main_tasks_are_refused(name: str) -> None:
    from auxin.tasks.dense_classes import DenseClasses

    member = catalogue.load("consistency", name)
    assert member.why_not(DenseClasses("map", 3))
    assert member.why_not(Classes("y", 3)) is None
