# ruff: noqa: NPY002  the networks here draw from NumPy's old random state, as many do
"""Networks whose forward pass is more than a function of parameters and input: right, or refused by name."""

import copy
import functools
import random
import warnings

import numpy as np
import pytest
import torch
from step_cases import ESTIMATORS, Case, D, Net
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from auxin.errors import UnsupportedError
from auxin.hypergradients import hypergradient, training_gradient
from real_step import differenced, off

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings(
        "ignore:(One backward pass for each|The outer loss's gradient):RuntimeWarning"
    ),
]


class HiddenState(Net):
    state = None

    def head(self, h):
        kept = torch.zeros(6, dtype=D) if self.state is None else self.state
        h = (h + kept).tanh()
        if self.training and len(h) == 8:
            self.state = h.detach().mean(0)
        return self.b(h)


class Counter(Net):
    calls = 0

    def head(self, h):
        self.calls += 1
        return self.b(h) * (1 + 0.1 * self.calls)


class MemoryList(Net):
    def made(self):
        self.memory, self.nested = [], {"count": [0]}

    def head(self, h):
        self.nested["count"][0] += 1
        if len(h) == 8:
            self.memory.append(h.detach().mean(0))
        return self.b(h - torch.stack(self.memory).mean(0)) / self.nested["count"][0]


class OwnGenerator(Net):
    def made(self):
        self.random = torch.Generator().manual_seed(5)

    def head(self, h):
        return self.b(h * (torch.rand(h.shape, generator=self.random, dtype=D) > 0.5))


class OwnNumpyGenerator(Net):
    def made(self):
        self.random, self.other = np.random.default_rng(0), random.Random(0)

    def head(self, h):
        return self.b(h * torch.from_numpy(self.random.random(6) + self.other.random()))


class PythonRandom(Net):
    def head(self, h):
        return self.b(h) * (0.5 + random.random()) * (0.5 + np.random.rand())


def what_moves(net):
    made = [net.random.get_state()] if isinstance(getattr(net, "random", None), torch.Generator) else []
    return [
        *made, getattr(net, "state", None), getattr(net, "calls", 0), list(getattr(net, "memory", [])),
        copy.deepcopy(getattr(net, "nested", None)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "kind", [HiddenState, Counter, MemoryList, OwnGenerator, OwnNumpyGenerator, PythonRandom]
)
def test_every_pass_begins_where_the_next_training_step_does(kind):
    case = Case(kind())
    net, seed = case.net, (random.getstate(), np.random.get_state()[2])
    before = what_moves(net)
    found = [case.found(**options) for options in ESTIMATORS]
    assert (random.getstate(), np.random.get_state()[2]) == seed
    for one, other in zip(what_moves(net), before, strict=True):
        assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other or one is other
    state = copy.deepcopy(
        {k: v for k, v in vars(net).items() if k in ("state", "calls", "memory", "nested", "other")}
    )
    own = copy.deepcopy(net.random) if isinstance(getattr(net, "random", None), np.random.Generator) else None
    torchs = net.random.get_state() if isinstance(getattr(net, "random", None), torch.Generator) else None
    numpys = np.random.get_state()

    def back():
        vars(net).update(copy.deepcopy(state))
        random.setstate(seed[0])
        np.random.set_state(numpys)
        if own is not None:
            net.random = copy.deepcopy(own)
        if torchs is not None:
            net.random.set_state(torchs)

    truth = case.truth(back)
    assert [off(each, truth) < limit for each, limit in zip(found, (1e-6, 1e-4, 1e-6), strict=True)] == [
        True
    ] * 3


def test_a_mask_from_elsewhere_is_refused():
    source = random.Random(0)

    class Elsewhere(Net):
        def head(self, h):
            return self.b(h) * source.random()

    case = Case(Elsewhere())
    for options in ESTIMATORS:
        with pytest.raises(UnsupportedError, match="does not repeat itself"):
            case.found(**options)


class MomentumEncoder(Net):
    """As MoCo's: a copy that follows the network inside the forward pass."""

    write = "in_place"

    def made(self):
        self.copy = copy.deepcopy(self.a).requires_grad_(False)

    def forward(self, x):
        with torch.no_grad():
            for own, held in zip(self.a.parameters(), self.copy.parameters(), strict=True):
                if self.write == "in_place":
                    held.mul_(0.9).add_(own, alpha=0.1)
                else:
                    held.data = held.data * 0.9 + own.data * 0.1
        return self.b((self.a(x) - self.copy(x)).tanh())


class WritesData(Net):
    def forward(self, x):
        self.a.weight.data.mul_(0.99)
        return super().forward(x)


class WritesInput(Net):
    def forward(self, x):
        return super().forward(x.mul_(0.9).add_(0.1))


class WritesAttribute(Net):
    def made(self):
        self.center = torch.zeros(6, dtype=D)

    def head(self, h):
        return self.b(h - self.center.mul_(0.9).add_(0.1 * h.detach().mean(0)))


def by_data():
    net = MomentumEncoder()
    net.write = "data"
    return net


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (MomentumEncoder, "writes into its parameters.*copy.weight"),
        (by_data, "writes into its parameters.*copy.weight"),
        (WritesData, "writes into its parameters.*a.weight"),
        (WritesInput, "writes into its input"),
        (WritesAttribute, "plain attribute"),
    ],
)
@pytest.mark.parametrize("options", ESTIMATORS)
def test_a_pass_that_writes_is_refused(make, match, options):
    with pytest.raises(UnsupportedError, match=match):
        Case(make()).found(**options)


def test_a_pass_that_writes_later_is_refused_then():
    class Late(Net):
        on = False

        def forward(self, x):
            if self.on:
                with torch.no_grad():
                    self.a.weight.mul_(0.99)
            return super().forward(x)

    case = Case(Late())
    assert off(case.found(), case.truth()) < 1e-7
    case.net.on = True
    with pytest.raises(UnsupportedError, match="writes into its own parameters"):
        case.found()


class Branch(Net):
    """A branch that the training batch does not reach: torch's step passes it over, decay and momentum included."""

    on = True

    def made(self):
        self.c = nn.Linear(6, 1)

    def head(self, h):
        return self.b(h) + (self.c(h) if self.on or len(h) == 5 else 0)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("options", [*ESTIMATORS, {"estimator": "unrolled", "steps": 3}])
def test_a_parameter_that_the_batch_does_not_reach(zeros, options):
    for make in (
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
        lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.5),
    ):
        case = Case(Branch(), make)
        case.net.on = False
        if zeros:  # `zero_grad(set_to_none=False)`: torch's step moves it by momentum and decay
            own = case.optimizer.zero_grad
            case.optimizer.zero_grad = lambda own=own: own(set_to_none=False)
            for p in case.net.parameters():
                p.grad = torch.zeros_like(p)
        steps = options.get("steps", 1)
        truth = differenced(
            case.net, case.optimizer, case.w, case.loss,
            lambda case=case: case.outer(case.net(case.meta[0]), case.meta), steps=steps,
        )  # fmt: skip
        assert off(case.found(**options), truth) < 1e-4 if "estimator" in options else 1e-7


def test_a_frozen_parameter_that_momentum_moves_is_refused():
    case = Case(Net(), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9))
    case.optimizer.zero_grad(set_to_none=False)
    case.net.a.requires_grad_(False)
    for p in case.net.a.parameters():
        p.grad = torch.zeros_like(p)
    with pytest.raises(UnsupportedError, match="frozen parameter"):
        case.found()
    for p in case.net.a.parameters():
        p.grad = None
    assert off(case.found(), case.truth()) < 1e-7


def test_trained_parameters_outside_the_network_are_refused_where_the_outer_loss_reads_them():
    class Hidden(Net):
        def made(self):
            self.aside = [nn.Linear(6, 6, dtype=D)]

        def head(self, h):
            return self.b(self.aside[0](h).tanh())

    net = Hidden()
    case = Case(net, parameters=[*net.parameters(), *net.aside[0].parameters()])
    with pytest.raises(UnsupportedError, match="the network does not have"):
        case.found()
    frozen = Case(Hidden())  # nobody moves it
    assert off(frozen.found(), frozen.truth()) < 1e-7


def test_a_replaced_step_is_refused_and_a_schedulers_counter_is_not():
    case = Case(Net())
    torch.optim.lr_scheduler.StepLR(case.optimizer, 1)
    assert off(case.found(), case.truth()) < 1e-7
    case.optimizer.step = functools.partial(case.optimizer.step)
    with pytest.raises(UnsupportedError, match="has been replaced"):
        case.found()


def test_cached_parametrisations_are_computed_anew():
    class Scaled(nn.Module):
        def forward(self, w):
            return w * w.abs().sum().tanh()

    net = Net()
    parametrize.register_parametrization(net.a, "weight", Scaled())
    case = Case(net)
    truth = case.truth()
    with parametrize.cached():
        net(case.train[0])
        assert off(case.found(), truth) < 1e-7
        assert parametrize._cache_enabled == 1
        assert parametrize._cache


def test_a_gradient_at_hand_is_used_only_where_a_pass_repeats_it():
    net = Net()
    nn.utils.spectral_norm(net.a)
    case = Case(net)
    given = training_gradient(case.problem(), case.train)  # moves the vectors of the power iteration
    assert off(case.found(gradient=given), case.found()) < 1e-12
    net = Net()
    parametrizations.orthogonal(net.a)
    case = Case(net)
    assert off(case.found(gradient=training_gradient(case.problem(), case.train)), case.truth()) < 1e-7


class Residual(Net):
    """As in a physics-informed network: a derivative by the input is an output."""

    between = nn.Identity

    def made(self):
        self.middle = self.between()

    def forward(self, x):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            u = self.b(self.middle(self.a(x).tanh()))[:, :1]
            du = torch.autograd.grad(u.sum() + x.pow(3).sum() * self.a.bias.sum(), x, create_graph=True)[0]
        return torch.cat([u, du.pow(2).sum(1, keepdim=True)], 1)


class NormedResidual(Residual):
    def between(self):
        return nn.Sequential(nn.LayerNorm(6), nn.Dropout(0.3))


class Mapped(Net):
    def forward(self, x):
        slopes = torch.func.vmap(torch.func.grad(lambda z: self.b(self.a(z).tanh())[0]))(x)
        return torch.cat([self.b(self.a(x).tanh())[:, :1], slopes.pow(2).sum(1, keepdim=True)], 1)


class Adapted(Net):
    """As in MAML: the head is used after a gradient step of its own."""

    def forward(self, x):
        h = self.a(x).tanh()
        (slope,) = torch.autograd.grad(self.b(h).pow(2).mean(), self.b.weight, create_graph=True)
        return h @ (self.b.weight - 0.5 * slope).T


@pytest.mark.parametrize("kind", [Residual, NormedResidual, Mapped, Adapted])
def test_gradients_inside_the_forward_pass(kind):
    case = Case(kind())
    if kind is Adapted:  # its own gradient is over parameters, which forward mode does not have
        warnings.filterwarnings("ignore", "Reverse-over-reverse", RuntimeWarning)
    torch.manual_seed(7)
    found = [case.found(**options) for options in ESTIMATORS]
    truth = case.truth()
    assert [off(each, truth) < limit for each, limit in zip(found, (1e-6, 1e-4, 1e-6), strict=True)] == [
        True
    ] * 3


def test_a_traced_network():
    case = Case(torch.jit.trace(Net(), torch.randn(8, 3, dtype=D)))
    assert off(case.found(), case.truth()) < 1e-7


@pytest.mark.parametrize("options", [*ESTIMATORS, {"estimator": "implicit"}, {"estimator": "evolution"}])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_surrounding_no_grad_changes_nothing(mode, options):
    case = Case(Net())
    expected = case.found(**options)
    problem = case.problem()
    with mode():
        found = hypergradient(problem, case.train, case.meta, optimizer=case.optimizer, **options)
    assert expected.any()
    assert torch.equal(found.gradients[0], expected)


class Branching(Net):
    def head(self, h):
        return self.b(torch.cond(h.sum() > 0, lambda h: h.sin(), lambda h: h.exp(), (h,)))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # torch's own, in its trace
def test_a_branch_of_torch_cond_has_the_real_steps_derivative():
    own, case = torch.cond, Case(Branching())
    truth = case.truth()
    for options in ESTIMATORS:
        assert off(case.found(**options), truth) < 1e-6
    assert torch.cond is own


class BranchingByName(Net):
    cond = staticmethod(torch.cond)

    def head(self, h):
        return self.b(self.cond(h.sum() > 0, lambda h: h.sin(), lambda h: h.exp(), (h,)))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_a_branch_by_another_name_is_refused_in_words():
    case = Case(BranchingByName())
    with pytest.raises(UnsupportedError, match=r"torch\.cond\(\.\.\.\)"):
        case.found()


class WritesLate(Net):
    calls = 0

    def head(self, h):
        self.calls += 1
        if self.calls > 3:
            self.b.weight.data.mul_(0.99)
        return self.b(h)


@pytest.mark.parametrize("options", [*ESTIMATORS, {"estimator": "implicit"}])
def test_a_write_through_data_that_begins_later_is_refused_in_the_end(options):
    case = Case(WritesLate())  # two passes
    case.found(**options)
    case.net.calls = 3
    with pytest.raises(UnsupportedError, match=r"writes into its parameters.*b\.weight"):  # noqa: PT012
        for _ in range(20):
            case.found(**options)


def test_hooks_of_opacus_are_refused_by_name():
    case = Case(Net())

    def capture(module, inputs, output):
        del module, inputs, output

    capture.__module__ = "opacus.grad_sample.grad_sample_module"
    case.net.a.register_forward_hook(capture)
    with pytest.raises(UnsupportedError, match="opacus"):
        case.found()
