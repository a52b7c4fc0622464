"""The truth that no derivative of auxin's or torch's can bend: differences of the outer loss over *real* steps."""

import torch
from torch import nn


def differenced(net, optimizers, phi, train_loss, outer_loss, eps=1e-5, steps=1):
    """d L_A(after the optimisers' real step) / d phi by central differences; everything is put back.

    Args:
        net: the network, moved by real steps.
        optimizers: one or several, whose own `step` is called, hooks and all.
        phi: a leaf of any shape, read by `train_loss`.
        train_loss: from nothing to the training loss, with phi as it is then.
        outer_loss: from nothing to the outer loss.
        eps: half of the difference.
        steps: how many real steps are taken.
    """
    several = [optimizers] if isinstance(optimizers, torch.optim.Optimizer) else list(optimizers)
    start, found = _state(net, several), torch.zeros_like(phi)
    for i in range(phi.numel()):
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                phi.view(-1)[i] += sign * eps
            for _ in range(steps):
                for each in several:
                    each.zero_grad()
                train_loss().backward()
                for each in several:
                    each.step()
                    each.zero_grad()
                _buffers(net, start)
            with torch.no_grad():
                ends.append(outer_loss().item())
                phi.view(-1)[i] -= sign * eps
            _back(net, several, start)
        found.view(-1)[i] = (ends[0] - ends[1]) / (2 * eps)
    phi.grad = None
    return found


def off(found, truth):
    """The relative error."""
    return float((found - truth).norm() / truth.norm())


def _state(net: nn.Module, optimizers):
    copied = [
        {p: {k: v.clone() if torch.is_tensor(v) else v for k, v in s.items()} for p, s in each.state.items()}
        for each in optimizers
    ]
    return [p.detach().clone() for p in net.parameters()], [b.clone() for b in net.buffers()], copied


def _buffers(net, start):
    for own, value in zip(net.buffers(), start[1], strict=True):
        own.data.copy_(value)


def _back(net, optimizers, start):
    for own, value in zip(net.parameters(), start[0], strict=True):
        own.data.copy_(value)
    _buffers(net, start)
    for each, states in zip(optimizers, start[2], strict=True):
        each.state.clear()
        for p, state in states.items():
            each.state[p] = {k: v.clone() if torch.is_tensor(v) else v for k, v in state.items()}


class Reversed(torch.autograd.Function):
    """The identity, whose backward turns the gradient round: no loss has it."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -0.5 * grad
