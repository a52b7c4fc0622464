"""What is missing reaches no gradient; where nothing is, nothing is computed, and where that cannot be read, all is."""

import torch

from auxin.math.deferred import deferred
from auxin.math.missing import complete, hide

ALL, SOME = torch.tensor([True, True]), torch.tensor([True, False])


def test_what_is_missing_reaches_no_gradient() -> None:
    x = torch.tensor([[1.0, 2.0], [float("nan"), float("inf")]], requires_grad=True)
    hide(x, SOME).square().sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[2.0, 4.0], [0.0, 0.0]]


def test_complete_values_are_themselves() -> None:
    x = torch.ones(2, 3)
    assert hide(x, ALL) is x
    assert hide(x, SOME) is not x


def test_no_mask_is_read_where_steps_must_not_wait_or_the_mask_stands_for_many() -> None:
    x = torch.ones(2)
    with deferred():
        assert not complete(ALL)
        assert torch.equal(hide(x, ALL), x)
    found = torch.vmap(hide)(x.repeat(2, 1), torch.stack([ALL, SOME]))
    assert found.tolist() == [[1.0, 1.0], [1.0, 0.0]]
