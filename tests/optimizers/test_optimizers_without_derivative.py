"""Muon's rounded step beside its exact form, and optimisers whose step has no useful derivative."""

import pytest
import torch

from auxin.errors import UnsupportedError
from auxin.optimizers import InnerStep, update_for
from auxin.optimizers.muon import newton_schulz
from oracle_updates import muon
from oracles import relative, warm


def matrices(seed, count=3):
    g = torch.Generator().manual_seed(seed)
    shapes = ((6, 4), (4, 8), (5, 5))[:count]
    return [torch.randn(s, generator=g, dtype=torch.float64) for s in shapes]


def muon_step():
    params = [p.requires_grad_() for p in matrices(0)]
    optimizer = torch.optim.Muon(params, lr=0.05)
    warm(optimizer)
    return InnerStep(optimizer, params), optimizer, params


def test_the_pullback_of_muon_is_the_slope_of_its_exact_form():
    step, optimizer, params = muon_step()
    grads, v, along, h = matrices(1), matrices(2), matrices(3), 1e-5
    group = optimizer.param_groups[0]

    def at(t):
        return [
            muon(p.detach(), g + t * d, group, optimizer.state[p])
            for p, g, d in zip(params, grads, along, strict=True)
        ]

    slope = sum((w * (b - a)).sum() for w, a, b in zip(v, at(-h), at(h), strict=True)) / (2 * h)
    found = sum((p * d).sum() for p, d in zip(step.pullback(grads, v), along, strict=True))
    assert abs(found - slope) < 1e-7 * abs(slope)


def test_the_step_of_muon_is_near_its_exact_form():
    step, optimizer, params = muon_step()
    grads, group = matrices(1), optimizer.param_groups[0]
    exact = [muon(p.detach(), g, group, optimizer.state[p]) for p, g in zip(params, grads, strict=True)]
    moved = [a - p.detach() for a, p in zip(exact, params, strict=True)]
    ours = [a - p.detach() for a, p in zip(step.lookahead(grads), params, strict=True)]
    graph = [g.requires_grad_() for g in grads]
    tracked = step.advance([p.detach() for p in params], graph, step.states())[0]
    assert relative(tracked, step.lookahead([g.detach() for g in grads])) < 1e-15
    assert 1e-5 < relative(ours, moved) < 0.03  # eight bits, five times


def test_muon_without_nesterov_scales_a_bfloat16_buffer_as_torch_does():
    start = torch.randn(4, 6, generator=torch.Generator().manual_seed(0)).bfloat16()
    params = [start.clone().requires_grad_()]
    optimizer = torch.optim.Muon(params, lr=0.05, nesterov=False)
    step, states = InnerStep(optimizer, params), [{}]
    point = [start.clone()]
    for seed in range(3):
        grad = [torch.randn(4, 6, generator=torch.Generator().manual_seed(seed)).bfloat16()]
        point, states = step.advance(point, grad, states)
        params[0].grad = grad[0].clone()
        optimizer.step()
        assert torch.equal(point[0], params[0])
        assert torch.equal(states[0]["momentum_buffer"], optimizer.state[params[0]]["momentum_buffer"])


def test_newton_schulz_acts_on_singular_values_alone():
    (matrix,) = matrices(4, 1)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    a, b, c = 3.4445, -4.7750, 2.0315
    values = values / values.norm()
    for _ in range(5):
        values = a * values + b * values**3 + c * values**5
    torch.testing.assert_close(newton_schulz(matrix, (a, b, c), 5, 1e-7), left @ values.diag() @ right)


class Lion(torch.optim.SGD):
    """A stand-in with the name."""


class AdamW8bit(torch.optim.AdamW):
    """A stand-in with the name."""


class Narrow(torch.optim.AdamW):
    """Its state is kept in 8 bits."""


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(Lion, "sign"), (AdamW8bit, "8 bits"), (Narrow, "8 bits"), (torch.optim.LBFGS, "several")],
)
def test_the_reason_of_a_refusal_is_given_and_the_way_out(kind, reason):
    param = torch.zeros(3, requires_grad=True)
    optimizer = kind([param], lr=0.1)
    if kind is Narrow:
        optimizer.state[param]["moment"] = torch.zeros(3, dtype=torch.uint8)
    with pytest.raises(UnsupportedError, match=rf'{reason}.*estimator="implicit"'):
        update_for(optimizer)


def test_schedule_free_in_evaluation_mode_is_refused():
    import schedulefree

    param = torch.zeros(3, requires_grad=True)
    optimizer = schedulefree.SGDScheduleFree([param], lr=0.1)
    step = InnerStep(optimizer, [param])
    with pytest.raises(UnsupportedError, match="evaluation mode"):
        step.lookahead([torch.ones(3)])


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_gradient_that_was_always_zero_has_a_finite_derivative(kind, dtype) -> None:
    """An input that is always zero (a digit's corner): the second moment is zero, and so is its square root's part."""
    param = torch.nn.Parameter(torch.tensor([1.0, 2.0], dtype=dtype))
    optimizer = kind([param], lr=0.1)
    for _ in range(3):
        param.grad = torch.tensor([0.0, 0.5], dtype=dtype)
        optimizer.step()
    grad, v = torch.tensor([0.0, 0.5], dtype=dtype), torch.ones(2, dtype=dtype)
    (found,) = InnerStep(optimizer, [param]).pullback([grad], [v])
    assert bool(found.isfinite().all())
    expected = -0.1 * (1 - 0.9) / (1 - 0.9**4) / 1e-8
    torch.testing.assert_close(found[0], torch.tensor(expected, dtype=dtype), rtol=1e-5, atol=0)
