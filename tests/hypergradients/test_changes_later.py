"""What changes after the first batch without a trace in the network's structure is found, and followed again."""

import pytest
import torch
from step_cases import Case, Net
from torch import nn

from real_step import Reversed, off

OPTIMIZERS = (lambda p: torch.optim.SGD(p, 0.1), lambda p: torch.optim.AdamW(p, 1e-2))
pytestmark = [
    pytest.mark.filterwarnings("ignore:Reverse-over-reverse is used:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Full backward hook is firing:UserWarning"),
]


class BranchedLater(Net):
    """A reversed branch that a flag switches on, as after a warm-up; in the training batch alone."""

    on = False

    def head(self, h):
        return self.b(self.change(h) if self.on and len(h) == 8 else h)

    def change(self, h):
        return Reversed.apply(h)


class HookedLater(BranchedLater):
    def change(self, h):
        if h.requires_grad:
            h.register_hook(lambda grad: -0.5 * grad)
        return h


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("kind", [BranchedLater, HookedLater])
def test_gradients_that_are_changed_from_some_step_on(kind, make):
    case = Case(kind(), make)
    assert off(case.found(), case.truth()) < 1e-6
    case.net.on = True
    truth = case.truth()
    found = [case.found() for _ in range(3)]
    assert off(found[-1], truth) < 1e-6
    case.net.on = False
    assert off(case.found(), case.truth()) < 1e-6


def scaling(part, given, grads):
    return tuple(None if g is None else 0.1 * g for g in given)


def watching(part, given, grads):
    return None


def test_a_hook_in_the_place_of_another():
    net = Net()
    before = net.b.register_full_backward_hook(watching)
    case = Case(net)
    assert off(case.found(), case.truth()) < 1e-6
    before.remove()
    net.b.register_full_backward_hook(scaling)
    assert off(case.found(), case.truth()) < 1e-6


def test_a_hook_on_all_modules_is_no_part_of_the_outer_loss():
    def one(part, given, grads):
        return scaling(part, given, grads) if isinstance(part, nn.Linear) and part.in_features == 6 else None

    hook = nn.modules.module.register_module_full_backward_hook(one)
    try:
        case = Case(Net())
        assert off(case.found(), case.truth()) < 1e-6
    finally:
        hook.remove()
