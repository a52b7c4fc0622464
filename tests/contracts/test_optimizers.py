"""Every update: bit for bit `optimizer.step()`, and a pullback checked against three independent derivatives."""

import importlib

import pytest
import torch

from auxin import catalogue
from auxin.errors import ConfigError, UnsupportedError
from auxin.optimizers import InnerStep, update_for
from oracles import doubles, next_parameters, relative, warm

NAMES = catalogue.names("optimizers")
VARIANTS = {
    "sgd": [{}, {"momentum": 0.9}, {"momentum": 0.8, "dampening": 0.3, "weight_decay": 0.1},
            {"momentum": 0.9, "nesterov": True, "maximize": True}],
    "adam": [{}, {"amsgrad": True}, {"weight_decay": 0.1, "maximize": True}, {"betas": (0.5, 0.9), "eps": 1e-3}],
    "adamw": [{}, {"amsgrad": True, "weight_decay": 0.2}, {"maximize": True}],
    "rmsprop": [{}, {"centered": True}, {"momentum": 0.9, "weight_decay": 0.1}],
    "adagrad": [{}, {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}],
    "radam": [{}, {"betas": (0.5, 0.7), "weight_decay": 0.1},
              {"betas": (0.5, 0.7), "decoupled_weight_decay": True, "weight_decay": 0.1}],
    "adamax": [{}, {"betas": (0.5, 0.6), "weight_decay": 0.1, "maximize": True}],
    "adadelta": [{}, {"rho": 0.5, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}],
    "asgd": [{}, {"lambd": 0.1, "t0": 2, "weight_decay": 0.1}],
    "adafactor": [{}, {"beta2_decay": -2.0, "weight_decay": 0.1, "maximize": True}, {"eps": (1e-3, 10.0), "d": 1.5}],
    "muon": [{}, {"nesterov": False, "weight_decay": 0.0}, {"adjust_lr_fn": "match_rms_adamw", "ns_steps": 3}],
    "schedule_free_sgd": [{}, {"momentum": 0.5, "warmup_steps": 4, "weight_decay": 0.1, "r": 1.0}],
    "schedule_free_adamw": [{}, {"warmup_steps": 4, "weight_decay": 0.1, "r": 1.0, "foreach": False}],
    "nadam": [{}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled_weight_decay": True}],
}  # fmt: skip
ROUNDED = {"muon"}  # its own step is rounded to bfloat16, a staircase
CASES = [(name, options) for name in NAMES for options in VARIANTS.get(name, [{}])]


def parameters(seed=0, name=""):
    g = torch.Generator().manual_seed(seed)
    shapes = ((3, 4), (2, 2), (1, 3), (4, 2)) if name == "muon" else ((3, 4), (4,), (), (2, 1, 2))
    return [torch.randn(s, generator=g, dtype=torch.float64).requires_grad_() for s in shapes]


def vectors(params, seed):
    g = torch.Generator().manual_seed(seed)
    return [0.5 * torch.randn(p.shape, generator=g, dtype=p.dtype) for p in params]


def build(name, params, **options):
    kind = catalogue.load("optimizers", name).handles
    if isinstance(kind, str):
        module, _, title = kind.rpartition(".")
        kind = getattr(importlib.import_module(module), title)
    first, second = {"params": params[:2]}, {"params": params[2:], "lr": 0.02}
    optimizer = kind([first, second], lr=0.05, **options)
    if name.startswith("schedule_free"):
        optimizer.train()
    return optimizer


def test_the_sweep_is_whole():
    assert len(NAMES) >= 14
    assert set(VARIANTS) == set(NAMES)


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.5}, {"clip_value": 0.2}], ids=str)
def test_lookahead_is_the_optimisers_own_step(name, options, clip):
    params = parameters(name=name)
    optimizer = build(name, params, **options)
    step = InnerStep(optimizer, params, **clip)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
    for i in range(6):
        grads = vectors(params, i)
        if i == 3:
            grads = [torch.zeros_like(g) for g in grads]
        ahead = step.lookahead(grads)
        for p, g in zip(params, grads, strict=True):
            p.grad = g.clone()
        if "clip_norm" in clip:
            torch.nn.utils.clip_grad_norm_(params, clip["clip_norm"])
        if "clip_value" in clip:
            torch.nn.utils.clip_grad_value_(params, clip["clip_value"])
        optimizer.step()
        schedule.step()
        for found, expected in zip(ahead, params, strict=True):
            assert (found - expected).abs().max() <= 1e-15, f"step {i}"


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
@pytest.mark.parametrize("clip", [{}, {"clip_norm": 0.5}], ids=str)
def test_pullback_equals_autograd_through_torchs_own_update(name, options, clip):
    params = parameters(name=name)
    optimizer = build(name, params, **options)
    with doubles():
        warm(optimizer)
    grads, v = [g.requires_grad_() for g in vectors(params, 1)], vectors(params, 2)
    after = next_parameters(optimizer, [p.detach() for p in params], grads, **clip)
    expected = torch.autograd.grad(after, grads, v)
    assert relative(InnerStep(optimizer, params, **clip).pullback(grads, v), expected) < 1e-13


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_a_linear_update_needs_no_gradient_for_its_pullback(name, options):
    params = parameters(name=name)
    optimizer = build(name, params, **options)
    with doubles():
        warm(optimizer)
    grads, v = vectors(params, 1), vectors(params, 2)
    step, without = InnerStep(optimizer, params), [g.new_zeros(()).expand_as(g) for g in grads]
    same = relative(step.pullback(without, v), step.pullback(grads, v)) == 0
    assert same or not step.linear
    assert not any(
        InnerStep(optimizer, params, **clip).linear for clip in ({"clip_norm": 1}, {"clip_value": 1})
    )
    assert step.linear == (name == "sgd")


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_pullback_equals_central_differences(name, options):
    if name in ROUNDED:
        pytest.skip(
            "its step is rounded to bfloat16, a staircase: compared with its float64 form in tests/optimizers"
        )
    params = parameters(name=name)
    optimizer = build(name, params, **options)
    warm(optimizer)
    step, h = InnerStep(optimizer, params, clip_norm=0.5), 1e-5
    grads, v, along = vectors(params, 1), vectors(params, 2), vectors(params, 3)

    def at(t):
        return step.lookahead([g + t * d for g, d in zip(grads, along, strict=True)])

    slope = sum((w * (b - a)).sum() for w, a, b in zip(v, at(-h), at(h), strict=True)) / (2 * h)
    found = sum((p * d).sum() for p, d in zip(step.pullback(grads, v), along, strict=True))
    assert abs(found - slope) < 1e-7 * abs(slope)


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_a_zero_gradient_in_a_fresh_state_has_a_finite_pullback(name, options):
    params = parameters(name=name)
    step = InnerStep(build(name, params, **options), params)
    zeros = [torch.zeros_like(p) for p in params]
    assert all(torch.isfinite(p).all() for p in step.pullback(zeros, vectors(params, 1)))
    assert all((p == 0).all() for p in step.pullback(zeros, zeros))


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_nothing_is_changed(name, options):
    params = parameters(name=name)
    optimizer = build(name, params, **options)
    step, grads = InnerStep(optimizer, params), vectors(params, 1)
    values = [p.detach().clone() for p in params]
    step.lookahead(grads)
    step.pullback(grads, vectors(params, 2))
    assert not any(optimizer.state[p] for p in params) or name == "adagrad"
    warm(optimizer, steps=1)
    state = {
        p: {k: torch.as_tensor(x).clone() for k, x in optimizer.state[p].items() if x is not None}
        for p in params
    }
    values = [p.detach().clone() for p in params]
    step.lookahead(grads)
    step.pullback(grads, vectors(params, 2))
    assert all(torch.equal(p, old) for p, old in zip(params, values, strict=True))
    assert all(
        torch.equal(torch.as_tensor(optimizer.state[p][k]), x) for p in params for k, x in state[p].items()
    )
    assert all(not g.requires_grad for g in grads)


def test_a_parameter_without_gradient_or_outside_the_optimiser_stays():
    params = parameters()
    step = InnerStep(torch.optim.SGD(params[:3], lr=0.1, weight_decay=0.5), params)
    grads = [*vectors(params, 1)[:1], None, *vectors(params, 1)[2:]]
    after, back = step.lookahead(grads), step.pullback(grads, vectors(params, 2))
    for i in (1, 3):
        assert torch.equal(after[i], params[i])
        assert not back[i].any()
    assert not torch.equal(after[0], params[0])


def test_an_optimiser_outside_the_family_is_refused_by_name():
    params = parameters()

    class Mine(torch.optim.SGD):
        pass

    for optimizer in (torch.optim.Rprop(params), Mine(params, lr=0.1)):
        with pytest.raises(UnsupportedError, match=r"Adam, AdamW, .*Muon, .*SGD.*estimator=.implicit."):
            update_for(optimizer)


def test_unit_is_the_rate_now():
    params = parameters()
    optimizer = torch.optim.SGD([{"params": params[:1]}, {"params": params[1:], "lr": 0.5}], lr=0.1)
    step = InnerStep(optimizer, params)
    assert step.unit == pytest.approx((12 * 0.1 + 9 * 0.5) / 21)
    for group in optimizer.param_groups:
        group["lr"] = 0.25
    assert step.unit == 0.25


def test_two_ways_of_clipping_are_refused():
    params = parameters()
    with pytest.raises(ConfigError, match="not both"):
        InnerStep(torch.optim.SGD(params, lr=0.1), params, clip_norm=1.0, clip_value=1.0)
