"""A meta step that ends early, by Ctrl-C or an error, leaves everything that is the user's as it was."""

import copy
import random
import signal
import sys
from queue import SimpleQueue

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.nn.functional import cross_entropy

import auxin

ESTIMATORS = ("lookahead", "finite_difference", "unrolled", "implicit")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 8))
        self.norm, self.drop = nn.BatchNorm1d(8), nn.Dropout(0.3)
        self.heads = nn.ModuleDict({name: nn.Linear(8, 3) for name in ("main", "aux")})
        self.calls, self.memory, self.generator = 0, [0], torch.Generator().manual_seed(0)
        self.broken = 0  # a number: switches (truth values) are as at the loss in a meta step

    def forward(self, x):
        self.calls += 1
        self.memory.append(self.calls)
        h = self.drop(self.norm(self.a(x)).relu())
        end_at(self)
        h = h * (1 + torch.rand((), generator=self.generator) + random.random())
        return {name: head(h) for name, head in self.heads.items()}


class Loss(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("centre", torch.zeros(()))
        self.log, self.broken = [], 0

    def forward(self, out, y):
        self.centre.mul_(0.9).add_(0.1 * out.detach().mean())
        self.log.append(len(self.log))
        end_at(self)
        return cross_entropy(out - self.centre, y, reduction="none") * (1 + np.random.rand())  # noqa: NPY002


class Broken(Exception):
    pass


PASSES = SimpleQueue()
"""How many passes are let through; what is counted elsewhere a meta step puts back."""


def end_at(thing):
    if thing.broken:
        if PASSES.empty():
            raise Broken
        PASSES.get()


def scene(estimator):
    for seed in (torch.manual_seed, random.seed, np.random.seed):
        seed(0)
    net, loss = Net(), Loss()
    aux = auxin.Auxiliary(
        net, main="main", tasks={"main": cross_entropy, "aux": loss}, combiner="linear", every=1, estimator=estimator
    )  # fmt: skip
    optimizer = torch.optim.AdamW(net.parameters(), 1e-2)
    rows = {"x": torch.randn(16, 4), "main": torch.arange(16) % 3, "aux": torch.arange(16) % 2}
    for first in (True, False):
        value = aux(net(rows["x"]), rows)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        if first:
            aux.after_step(optimizer, rows)
    net.heads["aux"].eval()
    return net, loss, aux, optimizer, rows


def state(net, loss, optimizer):
    """Everything that is the user's, the modes of torch included."""
    modules = [*net.modules(), *loss.modules()]
    tensors = [t for m in modules for t in (*m._parameters.values(), *m._buffers.values()) if t is not None]
    return copy.deepcopy(
        (
            [(id(t), t.detach(), t.requires_grad, t.grad) for t in tensors],
            [(m.training, len(m._forward_hooks), len(m._backward_hooks)) for m in modules],
            (net.calls, net.memory, net.generator.get_state(), loss.log),
            optimizer.state_dict(), torch.get_rng_state(), random.getstate(),
            list(np.random.get_state()),  # noqa: NPY002
            (torch.is_grad_enabled(), forward_ad._current_level, torch.backends.mha.get_fastpath_enabled()),
            (torch._C._len_torch_function_stack(), torch._C._is_fwd_grad_enabled(), signal.getsignal(signal.SIGINT)),
        )
    )  # fmt: skip


def same(a, b):
    if isinstance(a, (torch.Tensor, np.ndarray)):
        return bool((a == b).all())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return len(a) == len(b) and all(map(same, a, b)) if isinstance(a, (list, tuple)) else a == b


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("where", "estimator"), [*(("network", e) for e in ESTIMATORS), ("loss", "lookahead")]
)
def test_an_error_in_any_pass_leaves_nothing(estimator, where) -> None:
    net, loss, aux, optimizer, rows = scene(estimator)
    ended, (net if where == "network" else loss).broken = 0, 1
    for passes in range(20):
        before = state(net, loss, optimizer)
        while not PASSES.empty():
            PASSES.get()
        for _ in range(passes):
            PASSES.put(1)
        try:
            aux.after_step(optimizer, rows)
        except Broken:
            ended += 1
        assert same(state(net, loss, optimizer), before)
        if ended <= passes:
            break
    assert 2 <= ended < 20


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("estimator", ESTIMATORS[:2])
def test_ctrl_c_at_any_line_leaves_nothing(estimator) -> None:
    net, loss, aux, optimizer, rows = scene(estimator)

    def lines(last):
        """Take a meta step, with Ctrl-C at this line of auxin's."""
        seen = 0

        def line(frame, event, argument):
            nonlocal seen
            seen += event == "line"
            if event == "line" and seen == last:
                signal.raise_signal(signal.SIGINT)
            return line

        sys.settrace(lambda frame, *_: line if "/src/auxin/" in frame.f_code.co_filename else None)
        try:
            aux.after_step(optimizer, rows)
        finally:
            sys.settrace(None)
        return seen

    def left():
        """Another mode than at the loss, which the meta step takes and puts back; the state before it."""
        net.heads["aux"].train()
        aux(net(rows["x"]), rows).backward()
        net.heads["aux"].eval()
        return state(net, loss, optimizer)

    whole = min(lines(None) for _ in range(2) if left())
    for k in range(8):
        before = left()
        with pytest.raises(KeyboardInterrupt):
            lines(whole * (2 * k + 84) // 100)  # what is put back is put back last
        assert same(state(net, loss, optimizer), before)


def test_a_second_ctrl_c_does_not_wait() -> None:
    net, _, aux, optimizer, rows = scene("lookahead")
    net.heads["aux"].train()

    class Impatient(nn.Module):
        def forward(self, h):
            signal.raise_signal(signal.SIGINT)
            PASSES.put(1)
            return h

    while not PASSES.empty():
        PASSES.get()
    net.drop = Impatient()
    with pytest.raises(KeyboardInterrupt):
        aux.after_step(optimizer, rows)
    assert PASSES.qsize() == 1
