"""Losses that are not finite, and losses of very different size."""

import math

import pytest
import torch

from auxin.errors import RunError
from auxin.training.screen import imbalanced, screen

NAMES = ["breed", "species", "box"]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_an_auxiliary_that_is_not_finite_is_left_out_and_named(bad):
    values = [torch.tensor([1.0, 3.0]), torch.tensor([2.0, bad]), torch.tensor([5.0, 7.0])]
    present = [torch.tensor([True, True])] * 3
    losses, dropped = screen(values, present, NAMES)
    assert dropped == ("species",)
    assert losses.means().tolist() == [2.0, 0.0, 6.0]
    assert losses.seen().tolist() == [True, False, True]
    assert losses.names == tuple(NAMES)


def test_its_gradient_is_left_out_too():
    """Zero times an infinite derivative is NaN, so masking values alone would poison the shared weight."""
    weight = torch.tensor(0.0, requires_grad=True)
    values = [(weight - 1) ** 2 * torch.ones(2), torch.log(weight) * torch.ones(2), weight * torch.ones(2)]
    losses, dropped = screen(values, [torch.ones(2) > 0] * 3, NAMES)
    losses.means().sum().backward()
    assert dropped == ("species",)
    assert weight.grad is not None
    assert weight.grad.item() == -1.0


def test_finite_losses_pass_as_they_are():
    values = [torch.tensor([1.0, 3.0], requires_grad=True), torch.tensor([2.0, 0.0])]
    present = [torch.tensor([True, True]), torch.tensor([True, False])]
    losses, dropped = screen(values, present, NAMES[:2])
    assert dropped == ()
    assert torch.equal(losses.values, torch.stack(values, 1))
    assert torch.equal(losses.present, torch.stack(present, 1))
    assert losses.values.requires_grad


def test_loss_images_are_screened():
    bad = torch.ones(1, 2, 2)
    bad[0, 0, 1] = math.nan
    losses, dropped = screen([torch.ones(1, 2, 2), bad], [torch.ones(1, 2, 2) > 0] * 2, NAMES[:2])
    assert dropped == ("species",)
    assert losses.values.shape == (1, 2, 2, 2)


def test_the_main_task_ends_the_run_by_name():
    with pytest.raises(RunError, match="'breed'"):
        screen([torch.tensor([math.nan])], [torch.tensor([True])], NAMES[:1])


def test_imbalance_names_the_task_and_the_factor():
    found = imbalanced(torch.tensor([2.0, 2.2, 4000.0]), NAMES)
    assert len(found) == 1
    assert "'box' is 2e+03 times that of 'breed'" in found[0]
    assert len(imbalanced(torch.tensor([2.0, 2e-3, 2.0]), NAMES)) == 1
    assert imbalanced(torch.tensor([2.0, 0.0, 100.0]), NAMES) == []
    assert imbalanced(torch.tensor([0.0, 1.0, 100.0]), NAMES) == []
