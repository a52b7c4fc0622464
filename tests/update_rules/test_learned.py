"""The learned rule against a second writing of it, its exact symmetries, its gradient by finite differences."""

import math

import pytest
import torch
from torch.nn import functional as F

from auxin.errors import ConfigError, DataError
from auxin.math.rule_network import forward, standardise
from auxin.rules.objective import few_shot_ridge, meta_loss
from auxin.rules.tasks import FewShot, centred_targets
from auxin.update_rules._terms import Layer, reconstruct
from auxin.update_rules._update import normalised_columns
from auxin.update_rules.base import State
from auxin.update_rules.learned import Learned

TINY = {"channels": 6, "delta_channels": 4, "rank": 2, "step_size": 0.05, "weight_std": 0.2}


def make(seed=0, **options):
    torch.manual_seed(seed)
    rule = Learned(**{**TINY, **options}).double()
    with torch.no_grad():
        for name, p in rule.named_parameters():
            if name.endswith(("bias", "offset", "alpha_0")):
                p.normal_(0, 0.1)
    return rule


def start(rule, widths=(7, 6, 5), tasks=2, seed=1):
    g = torch.Generator().manual_seed(seed)
    state = rule.init_state(widths, tasks, g, torch.float64)
    x = torch.rand(tasks, 9, widths[0], generator=g, dtype=torch.float64)
    return state, x


# ---- the oracle: one task, [unit, batch, channel], conv1d, no code shared with the package
# ------------------------


def _conv(x, weight, bias, kernel):
    """x [rows, length, channels]; weight [out, kernel * in] with the kernel outermost."""
    w = weight.view(weight.shape[0], kernel, -1).transpose(1, 2)
    return F.conv1d(x.transpose(1, 2), w, bias, padding=kernel // 2).transpose(1, 2)


def _bn(x, offset):
    mean = x.mean((0, 1))
    var = x.var((0, 1), unbiased=False)
    return (x - mean) / (var + 1e-3).sqrt() + offset


def _layer(x, p, prefix, kernel, dense="dense"):
    y = _conv(x, p[f"{prefix}.{dense}.weight"], p[f"{prefix}.{dense}.bias"], kernel)
    return torch.relu(_bn(y, p[f"{prefix}.normalise.offset"]))


def _oracle_top(x, p):
    y = _layer(x[:, :, None], p, "top_signal.first", 5)  # [N, B, C]
    y = y.permute(2, 1, 0)  # [C, B, N]: units become channels
    y = _layer(_layer(y, p, "top_signal.mixers.0", 3), p, "top_signal.mixers.1", 3).permute(2, 1, 0)
    y = _layer(_layer(y, p, "top_signal.layers.0", 3), p, "top_signal.layers.1", 3)
    return _conv(y, p["top_signal.last.weight"], p["top_signal.last.bias"], 3)


def _oracle_statistics(w_in, w_out):
    found = []
    for w in (w_in, w_out):
        if w is not None:
            found += [w.abs().mean(0), (w.square().mean(0) + 1e-6).sqrt(), w.mean(0)]
            found += [(w.var(0, unbiased=False) + 1e-8).sqrt()]
    s = torch.stack(found if len(found) == 8 else found * 2)
    return s / (s.square().mean() + 1e-6).sqrt()


def _oracle_h(x, z, d, b, s, p):
    n = x.shape[0]
    angle = torch.linspace(0, 4 * math.pi, n, dtype=x.dtype)[:, None].expand_as(x)
    a = torch.cat([torch.stack([x, z, angle.sin(), angle.cos()], -1), d], -1)
    a = _bn(a, p["neuron.normalise.offset"])
    constant = torch.cat([s, b[None]]).T[:, None].expand(-1, x.shape[1], -1)
    h = torch.cat([constant, a], -1)
    for k in (0, 1):
        h = _layer(h, p, f"neuron.layers.{k}.0", 3)
        m = h
        for part in ("first", "second"):
            m = _layer(m.transpose(0, 1), p, f"neuron.layers.{k}.1.{part}", 3, "own").transpose(0, 1)
        h = h + m
    return h


def _standard(x):
    return (x - x.mean(1, keepdim=True)) / (x.var(1, unbiased=False, keepdim=True) + 1e-6).sqrt()


def _oracle_direction(w_raw, x_d, x_u, h_d, h_u, p, options):
    rank, batch = options["rank"], x_d.shape[1]
    w = w_raw / (w_raw.square().mean(0) + 1e-6).sqrt()
    low = (h_d @ p["weight_update.read_lower.weight"].T + p["weight_update.read_lower.bias"]).split(rank, -1)
    up = (h_u @ p["weight_update.read_upper.weight"].T + p["weight_update.read_upper.bias"]).split(rank, -1)
    low, up = iter(low), iter(up)

    def r(a, b):
        return torch.einsum("ibk,jbk->ij", a, b) / (rank * batch)

    def s(a, b):
        q = r(a, b)
        q = (q + q.T) / math.sqrt(2)
        return (q - torch.diag(q.diagonal())) / math.sqrt(len(q))

    def psd(a):
        return r(a, a) / math.sqrt(len(a))

    u, d, n_u = _standard(x_u), _standard(x_d), len(x_u)
    decorrelation = w @ (u @ u.T) / (batch * math.sqrt(n_u))
    omega = (1 + w**2).sqrt() - 1
    terms = [
        w,
        w**2 * w.sign(),
        decorrelation / (decorrelation.square().mean() + 1e-8).sqrt(),
        -(d @ u.T) / batch,
        r(next(low), next(up)),
        torch.exp(-(w**2)) * r(next(low), next(up)),
        w * r(next(low), next(up)),
        w @ s(next(up), next(up)),
        w @ psd(next(up)),
        s(next(low), next(low)) @ w,
        (omega @ s(next(up), next(up))) * w.sign(),
        (s(next(low), next(low)) @ omega) * w.sign(),
    ]
    capped = [t / (1 + t.square().mean(0)).sqrt() for t in terms]
    g = sum(a * t for a, t in zip(p["weight_update.alpha"], capped, strict=True))
    g = (g + p["weight_update.alpha_0"]) / 12
    g = g - torch.relu((g * w).mean()) * w
    g = g / math.sqrt(12)
    g = g / (1 + g.square().mean(0)).sqrt()
    return g - w / 7


def oracle_step(rule, state, x, t):
    """One step of task t."""
    p = dict(rule.named_parameters())
    W, V, b = ([m[t] for m in part] for part in (state.weights, state.backward, state.biases))
    xs, zs = [x[t].T], [x[t].T]
    for w, bias in zip(W, b, strict=True):
        u = w.T @ xs[-1]
        u = (u - u.mean(1, keepdim=True)) / (u.var(1, unbiased=False, keepdim=True) + 1e-6).sqrt()
        zs.append(u + bias[:, None])
        xs.append(torch.relu(zs[-1]))
    d, hidden = _oracle_top(xs[-1], p), {}
    for layer in range(len(W), -1, -1):
        w_in = W[layer - 1] if layer else None
        w_out = W[layer].T if layer < len(W) else None
        bias = b[layer - 1] if layer else torch.zeros(len(xs[0]), dtype=x.dtype)
        h = _oracle_h(xs[layer], zs[layer], d, bias, _oracle_statistics(w_in, w_out), p)
        hidden[layer] = h
        if layer:
            delta = d * torch.sigmoid(zs[layer])[..., None]
            delta = delta + h @ p["read_delta.weight"].T + p["read_delta.bias"]
            d = torch.einsum("ij,jbc->ibc", V[layer - 1], delta)
            d = d / (1e-6 + d.square().mean(-1, keepdim=True)).sqrt()
    eta, new = rule.step_size, ([], [], [])
    for layer in range(1, len(W) + 1):
        g = _oracle_direction(
            W[layer - 1], xs[layer - 1], xs[layer], hidden[layer - 1], hidden[layer], p, rule.options
        )
        c = (hidden[layer] @ p["bias_update.read.weight"].T + p["bias_update.read.bias"])[..., 0].mean(1)
        c = c + torch.relu(-c.mean())
        g_b = c / (0.5 + c.square().mean()).sqrt()
        new[0].append((1 - eta) * W[layer - 1] - eta * g)
        new[1].append((1 - eta) * V[layer - 1] - eta * g)
        new[2].append((1 - eta) * b[layer - 1] - eta * g_b)
    return new


def test_the_released_rule_matches_a_second_writing():
    rule = make(embedding=5)
    state, x = start(rule)
    after = rule.step(state, x)
    for t in (0, 1):
        expected = oracle_step(rule, state, x, t)
        for part, wanted in zip((after.weights, after.backward, after.biases), expected, strict=True):
            for found, want in zip(part, wanted, strict=True):
                torch.testing.assert_close(found[t], want, rtol=0, atol=1e-12)


def test_parameter_counts():
    assert sum(p.numel() for p in Learned.preset("paper").parameters()) == 114_670
    assert sum(p.numel() for p in Learned.preset("small").parameters()) < 5_000
    parts = Learned.preset("paper")
    counts = {name: sum(p.numel() for p in child.parameters()) for name, child in parts.named_children()}
    assert counts == {
        "top_signal": 37_728,
        "neuron": 70_884,
        "read_delta": 2_080,
        "weight_update": 15 * 260 + 13,
        "bias_update": 65,
    }


POOLED = {"kernel_batch": 1, "kernel_top": 1, "kernel_units": 0, "unit_identity": False, "embedding": 0}


def permuted_state(state, order):
    """The first hidden layer's units in another order."""

    def move(first, second):
        return (first[:, :, order], second[:, order])

    return State(
        move(*state.weights), move(*state.backward), (state.biases[0][:, order], state.biases[1]), state.age
    )


def moved_units(rule):
    state, x = start(rule)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    first = permuted_state(rule.step(state, x), order).tensors()
    second = rule.step(permuted_state(state, order), x).tensors()
    return max(float((a - b).abs().max().detach()) for a, b in zip(first, second, strict=True))


def moved_examples(rule):
    state, x = start(rule)
    first, second = rule.step(state, x), rule.step(state, x[:, [3, 0, 8, 1, 7, 2, 6, 4, 5]])
    return max(
        float((a - b).abs().max().detach()) for a, b in zip(first.tensors(), second.tensors(), strict=True)
    )


def test_order_of_units_and_examples_means_nothing_without_convolutions():
    rule = make(**POOLED)
    assert moved_units(rule) < 1e-13
    assert moved_examples(rule) < 1e-13


def test_order_of_the_top_units_means_nothing_either():
    rule = make(**POOLED)
    state, x = start(rule)
    order = torch.tensor([4, 2, 0, 1, 3])

    def move(given):
        w, v, b = given.weights, given.backward, given.biases
        return State((w[0], w[1][:, :, order]), (v[0], v[1][:, :, order]), (b[0], b[1][:, order]), given.age)

    for a, b in zip(move(rule.step(state, x)).tensors(), rule.step(move(state), x).tensors(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-13)


def test_order_of_units_and_examples_matters_in_the_released_rule():
    rule = make(embedding=5)
    assert moved_units(rule) > 1e-6
    assert moved_examples(rule) > 1e-6


def test_feedback_weights_approach_forward_weights_exponentially():
    rule = make(embedding=5)
    state, x = start(rule)
    gaps = [v - w for v, w in zip(state.backward, state.weights, strict=True)]
    for _ in range(3):
        state = rule.step(state, x)
    for v, w, gap in zip(state.backward, state.weights, gaps, strict=True):
        torch.testing.assert_close(v - w, (1 - 0.05) ** 3 * gap, rtol=0, atol=1e-14)


def test_separate_feedback_updates_break_that_contraction():
    rule = make(embedding=5, identical_updates=False)
    state, x = start(rule)
    after = rule.step(state, x)
    gap = (after.backward[0] - after.weights[0]) - 0.95 * (state.backward[0] - state.weights[0])
    assert gap.abs().max() > 1e-6
    assert sum(p.numel() for p in rule.parameters()) > sum(p.numel() for p in make(embedding=5).parameters())


def test_without_terms_columns_settle_at_one_seventh():
    rule = make(**POOLED, start=0.0)
    with torch.no_grad():
        rule.weight_update.alpha_0.zero_()
    state, x = start(rule)
    with torch.no_grad():
        for _ in range(240):
            state = rule.step(state, x)
    for w in state.weights:
        found = w.square().mean(1).sqrt()
        torch.testing.assert_close(found, torch.full_like(found, 1 / 7), rtol=1e-4, atol=0)


@pytest.mark.parametrize("project", [True, False])
def test_no_update_shrinks_the_weights(project):
    rule = make(embedding=5, shrink_projection=project, start=3.0)
    state, x = start(rule)
    activity = forward(state, x)
    hidden = rule.hidden(state, activity)
    update, w = rule.weight_update, normalised_columns(state.weights[0])
    layer = Layer(
        w,
        activity.post[0],
        activity.normal[0],
        activity.normal[1],
        activity.normal[1],
        w.new_ones(()),
        w.new_ones(()),
    )
    merged = update.merged(
        layer, update.readouts(hidden[0], upper=False), update.readouts(hidden[1], upper=True)
    )
    inner = (merged * w).mean((1, 2))
    assert bool((inner < 1e-3).all()) == project


def test_tasks_do_not_see_each_other():
    rule = make(embedding=5)
    state, x = start(rule)
    together = rule.step(state, x).tensors()
    alone = rule.step(state.with_tensors([t[1:] for t in state.tensors()]), x[1:]).tensors()
    for a, b in zip(together, alone, strict=True):
        torch.testing.assert_close(a[1:], b, rtol=0, atol=1e-13)


def test_column_scale_does_not_change_the_features():
    rule = make(embedding=5)
    state, x = start(rule)
    scaled = state.with_tensors([3 * state.weights[0], *state.tensors()[1:]])
    torch.testing.assert_close(rule.features(state, x), rule.features(scaled, x), rtol=1e-4, atol=1e-4)


def few_shot(classes=2, shots=3, inputs=6):
    g = torch.Generator().manual_seed(3)
    x = torch.rand(1, 2 * classes * shots, inputs, generator=g, dtype=torch.float64)
    y = torch.eye(classes, dtype=torch.float64).repeat(2 * shots, 1)[None]
    y = centred_targets(y)
    half = classes * shots
    return FewShot(x[:, :half], y[:, :half], x[:, half:], y[:, half:])


@pytest.mark.parametrize("terms", ["paper", "competitive", "reconstruct"])
def test_meta_gradient_through_three_steps_and_the_ridge(terms):
    extra = () if terms == "paper" else (terms,)
    names = (*Learned.preset("paper").options["terms"], *extra)
    rule = make(**POOLED, terms=names, channels=3, delta_channels=2, rank=1, top="linear", start=1.0)
    state, _ = start(rule, (6, 4, 3), tasks=1)
    batches = torch.rand(3, 1, 7, 6, dtype=torch.float64)
    draw = few_shot()
    parameters = list(rule.parameters())

    def loss():
        now = state
        for x in batches:
            now = rule.step(now, x, "tanh")
        return meta_loss(rule, now, draw, "tanh", few_shot_ridge).mean()

    gradient = torch.autograd.grad(loss(), parameters)
    generator = torch.Generator().manual_seed(5)
    direction = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in parameters]
    exact = sum(float((g * d).sum()) for g, d in zip(gradient, direction, strict=True))
    epsilon, values = 1e-6, []
    with torch.no_grad():
        for sign in (1, -2):
            for p, d in zip(parameters, direction, strict=True):
                p.add_(d, alpha=sign * epsilon)
            values.append(float(loss()))
    assert exact == pytest.approx((values[0] - values[1]) / (2 * epsilon), rel=2e-5)
    assert abs(exact) > 1e-6


def test_inductive_features_use_the_reference_alone():
    rule = make(embedding=5)
    state, x = start(rule)
    alone = rule.features(state, x[:, :1].expand(-1, 2, -1), reference=x)
    torch.testing.assert_close(rule.features(state, x)[:, 0], alone[:, 0])


def test_decay_slows_the_steps():
    rule = make(embedding=5, decay=10.0)
    assert rule.rate(0) == 0.05
    assert rule.rate(10) == pytest.approx(0.025)


@pytest.mark.parametrize(
    "options",
    [{"terms": ("nonsense",)}, {"top": "nonsense"}, {"step_size": 0.0}, {"kernel_batch": 2}, {"rank": 0}],
)
def test_bad_options_are_refused(options):
    with pytest.raises(ConfigError):
        Learned(**options)


def test_bad_shapes_are_refused():
    rule = make(embedding=5)
    with pytest.raises(ConfigError, match="embedding of 4"):
        rule.init_state((7, 4))
    state, x = start(rule)
    with pytest.raises(DataError, match="do not fit"):
        rule.step(state, x[..., :3])
    with pytest.raises(DataError, match="Batch statistics"):
        rule.step(state, x[:, :1])


def test_constant_features_are_safe():
    rule = make(**POOLED)
    state, x = start(rule)
    x = torch.ones_like(x)
    after = rule.step(state, x)
    assert all(torch.isfinite(t).all() for t in after.tensors())


def test_reconstruction_finds_the_principal_subspace():
    """The term alone, against an eigendecomposition: the columns span the leading directions, and are orthogonal."""
    g = torch.Generator().manual_seed(0)
    scales = torch.tensor([3.0, 2.5, 2.0, 0.4, 0.4, 0.3, 0.2], dtype=torch.float64)
    x = (torch.randn(4000, 7, generator=g, dtype=torch.float64) * scales) @ torch.linalg.qr(
        torch.randn(7, 7, generator=g, dtype=torch.float64)
    )[0]
    _, axes = torch.linalg.eigh(x.T @ x)
    w = torch.randn(1, 7, 3, generator=g, dtype=torch.float64)
    zero, ridge = w.new_zeros(()), w.new_tensor(1e-3)
    for _ in range(60):
        below = x[torch.randint(len(x), (200,), generator=g)].T[None]
        normal = standardise(w.transpose(1, 2) @ below)
        tau = reconstruct(Layer(w, below, below, normal, normal, zero, ridge))
        w = 0.9 * w - 0.1 * tau
    columns = torch.nn.functional.normalize(w[0], dim=0)
    assert float((axes[:, -3:].T @ columns).square().sum(0).min()) > 0.98
    assert float((columns.T @ columns - torch.eye(3, dtype=torch.float64)).abs().max()) < 0.15


def test_reconstruction_is_the_ridge_decoder():
    """Solved over the batch, it is what the ordinary normal equations over the units give."""
    g = torch.Generator().manual_seed(1)
    below, normal = (torch.randn(2, n, 9, generator=g, dtype=torch.float64) for n in (5, 4))
    w = torch.zeros(2, 5, 4, dtype=torch.float64)
    tau = reconstruct(Layer(w, below, below, normal, normal, w.new_zeros(()), w.new_tensor(0.3)))
    for t in range(2):
        a, x = normal[t], below[t] - below[t].mean(1, keepdim=True)
        decoder = -x @ a.T @ torch.linalg.inv(a @ a.T + 0.3 * 9 * torch.eye(4, dtype=torch.float64))
        torch.testing.assert_close(tau[t], decoder / decoder.square().mean(0).sqrt())


def test_the_formula_names_the_large_terms_in_order():
    rule = Learned(terms=("w_base", "hebb", "0_order"), gain=2.0)
    with torch.no_grad():
        rule.weight_update.alpha.copy_(torch.tensor([0.01, -1.0, 0.25]))
    assert rule.formula() == "G = [ -2.00 (-x_d x_u)  +0.50 R ] / 3"
    assert rule.formula(least=3.0) == "G = [ 0 ] / 3"
