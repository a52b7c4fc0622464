"""Combiners that are networks of losses: deep linear, monotone, nonlinear, polynomial, ConvNet."""

import numpy as np
import pytest
import torch
from combiner_cases import images, losses, random_losses
from hypothesis import given, settings
from hypothesis import strategies as st

from auxin.combiners import build
from auxin.combiners._weights import ConstrainedWeights
from auxin.combiners.base import TaskLosses, rate_groups
from auxin.errors import ConfigError

NAMES = ["t0", "t1", "t2"]
NETWORKS = ["deep_linear", "monotone", "nonlinear"]


def softplus(x):
    return np.logaddexp(0, x)


def shake(combiner, seed=0, size=1.0):
    """Random weights of either sign, then the projection that follows a meta step."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in combiner.parameters():
            p.add_(size * torch.randn(p.shape, generator=generator))
    combiner.after_meta_step()
    return combiner


def network_by_hand(combiner, row, activation):
    """g(l) - g(0) in numpy."""

    def run(x):
        weights = [layer().detach().numpy() for layer in combiner.network.layers]
        biases = [b.detach().numpy() for b in combiner.network.biases] or [0.0] * (len(weights) - 1)
        for weight, bias in zip(weights[:-1], biases, strict=True):
            x = activation(weight @ x + bias)
        return (weights[-1] @ x).item()

    return run(row) - run(np.zeros_like(row))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_loss_is_the_main_mean_plus_the_networks_mean(name, depth):
    combiner = shake(build(name, NAMES, depth=depth, width=4))
    found = random_losses(batch=5)
    rows = found.values.numpy()
    bend = (lambda x: x) if name == "deep_linear" else softplus
    expected = rows[:, 0].mean() + np.mean([network_by_hand(combiner, row, bend) for row in rows])
    assert combiner(found).item() == pytest.approx(expected, rel=1e-9)


def test_a_missing_label_enters_as_its_tasks_mean():
    combiner = shake(build("monotone", NAMES))
    present = torch.tensor([[True, True, False], [True, False, True], [False, True, True]])
    found = losses([[1.0, 2.0, 0.0], [3.0, 0.0, 5.0], [0.0, 4.0, 1.0]], present)
    rows = np.array([[1.0, 2.0, 3.0], [3.0, 3.0, 5.0], [2.0, 4.0, 1.0]])
    expected = 2.0 + np.mean([network_by_hand(combiner, row, softplus) for row in rows])
    assert combiner(found).item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("missing", [0.0, 0.5])
def test_deep_linear_begins_as_equal_exactly(depth, missing):
    found = random_losses(missing=missing)
    equal = build("equal", NAMES, scale=0.3)(found)
    torch.testing.assert_close(build("deep_linear", NAMES, scale=0.3, depth=depth)(found), equal)


def test_deep_linear_is_linear_with_the_product_of_its_weights():
    combiner = shake(build("deep_linear", NAMES, depth=3))
    product = torch.eye(3)
    for layer in combiner.network.layers:
        product = layer().detach() @ product
    found = random_losses(missing=0.4)
    expected = found.means()[0] + (product[0] * found.means()).sum()
    torch.testing.assert_close(combiner(found).detach(), expected)


@pytest.mark.parametrize("name", ["monotone", "nonlinear"])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_softplus_networks_begin_near_equal(name, depth):
    combiner = build(name, NAMES, scale=0.3, depth=depth)
    ones = losses(torch.ones(4, 3))
    torch.testing.assert_close(combiner.task_weights(ones), torch.tensor([1.0, 0.3, 0.3]))
    for size in (0.01, 0.3, 3.0, 30.0):
        weights = combiner.task_weights(losses(size * torch.ones(4, 3)))
        assert weights[1] == pytest.approx(weights[2].item())
        assert 0.65 * 0.3 < weights[1] < 1.1 * 0.3
        assert weights[0] == pytest.approx(1.0)


def test_monotone_and_nonlinear_are_twins_at_the_start():
    found, built = random_losses(), []
    for name in ("monotone", "nonlinear"):
        torch.manual_seed(3)
        built.append(build(name, NAMES)(found))
    torch.testing.assert_close(*built)


@pytest.mark.parametrize("name", ["monotone", "deep_linear", "polynomial", "convnet"])
@pytest.mark.parametrize("constraint", ["clipped", "positive"])
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), size=st.floats(0.01, 5), level=st.floats(1e-3, 1e3))
def test_no_loss_may_rise_without_the_training_loss(name, constraint, seed, size, level):
    combiner = shake(build(name, NAMES, constraint=constraint), seed, size)
    found = images(seed=seed, missing=0.2) if name == "convnet" else random_losses(seed=seed, missing=0.2)
    scaled = losses(level * found.values, found.present)
    grads = combiner.sensitivities(scaled)
    assert torch.isfinite(grads).all()
    assert (grads >= 0).all()


@pytest.mark.parametrize("name", ["nonlinear", "polynomial", "convnet"])
def test_unconstrained_weights_can_reverse_a_task(name):
    options = {} if name == "nonlinear" else {"constraint": "free"}
    found = images() if name == "convnet" else random_losses()
    slopes = [shake(build(name, NAMES, **options), seed).task_weights(found)[1:].min() for seed in range(8)]
    assert min(slopes) < 0


@pytest.mark.parametrize("name", ["monotone", "deep_linear", "convnet"])
def test_all_weights_at_zero_train_again(name):
    """Clipping everything leaves the main loss, no NaN, and a gradient once one layer is back."""
    combiner = build(name, NAMES)
    with torch.no_grad():
        for p in combiner.parameters():
            p.fill_(-1.0)
    combiner.after_meta_step()
    found = images() if name == "convnet" else random_losses()
    torch.testing.assert_close(combiner(found).detach(), found.means()[0])


@pytest.mark.parametrize("name", ["deep_linear", "monotone"])
def test_the_free_constraint_belongs_to_nonlinear(name):
    with pytest.raises(ConfigError, match="clipped, positive"):
        build(name, NAMES, constraint="free")


def test_constrained_weights():
    assert ConstrainedWeights(torch.tensor([0.0, 3.0]), "positive")().tolist() == pytest.approx([1e-4, 3.0])
    part = ConstrainedWeights(torch.tensor([-1.0, 3.0]), "free")
    part.project()
    assert part().tolist() == [-1.0, 3.0]


def moved(name, rate=0.05, tasks=12, **options):
    """The largest change of an auxiliary's weight in one step of Adam that raises every parameter of phi."""
    combiner = build(name, [f"t{i}" for i in range(tasks)], **options)
    shape = (2, tasks, 8, 8) if name == "convnet" else (4, tasks)
    ones = TaskLosses(torch.ones(shape), torch.ones(shape) > 0, tuple(f"t{i}" for i in range(tasks)))
    before = combiner.task_weights(ones)
    optimizer = torch.optim.Adam(rate_groups(combiner.phi(), combiner, rate))
    for parameter in combiner.phi():
        parameter.grad = -torch.ones_like(parameter)
    optimizer.step()
    combiner.after_meta_step()
    return (combiner.task_weights(ones) - before)[1:].abs().max().item()


@pytest.mark.parametrize("tasks", [3, 16])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("linear", {}),
        ("deep_linear", {}),
        ("deep_linear", {"depth": 5}),
        ("deep_linear", {"constraint": "positive"}),
        ("monotone", {}),
        ("monotone", {"width": 40, "depth": 4}),
        ("nonlinear", {}),
        ("polynomial", {}),
        ("polynomial", {"degree": 3}),
        ("convnet", {}),
        ("auto_lambda", {"initial": 1.0}),
    ],
)
def test_a_meta_step_moves_a_weight_by_about_the_rate(name, options, tasks):
    """At one rate for every parameter, the products of layers moved ten to a hundred times as far."""
    assert 0.2 <= moved(name, 0.05, tasks, **options) / 0.05 <= 4.0


def test_auto_lambdas_weights_move_relative_to_where_they_begin():
    """At the rate itself, one step of 0.2 turned weights of 0.1 around, and training diverged."""
    assert moved("auto_lambda", 0.2) == pytest.approx(0.02)


def put(poly, weights):
    """Set the weights of every term."""
    for part, values in zip(poly.learned, weights.split([len(p.raw) for p in poly.learned]), strict=True):
        part.raw.data = values


def test_polynomial_by_hand():
    poly = build("polynomial", ["a", "b"], degree=3)
    assert poly.terms(["a", "b"]) == ["a", "b", "a*a", "a*b", "b*b", "a*a*a", "a*a*b", "a*b*b", "b*b*b"]
    weights = np.arange(1.0, 10.0)
    put(poly, torch.tensor(weights))
    rows = np.array([[1.0, 2.0], [3.0, 0.5]])
    total = 0.0
    for a, b in rows:
        total += weights @ [a, b, a * a, a * b, b * b, a**3, a * a * b, a * b * b, b**3]
    assert poly(losses(rows.tolist())).item() == pytest.approx(rows[:, 0].mean() + total / 2)


def test_polynomial_begins_as_equal():
    found = random_losses(missing=0.4)
    torch.testing.assert_close(
        build("polynomial", NAMES, scale=0.2)(found).detach(), build("equal", NAMES, scale=0.2)(found)
    )


def test_polynomial_of_degree_one_is_linear():
    found = random_losses(missing=0.4)
    poly = build("polynomial", NAMES, degree=1)
    put(poly, torch.tensor([0.5, 2.0, 3.0]))
    torch.testing.assert_close(poly(found).detach(), (torch.tensor([1.5, 2.0, 3.0]) * found.means()).sum())


def test_a_polynomial_of_too_many_terms_is_refused():
    with pytest.raises(ConfigError, match="too large"):
        build("polynomial", ["t"] * 300)


def conv_by_hand(combiner, levels):
    """On a constant image the network is a fully connected one, its kernels summed."""
    x = np.asarray(levels)
    for layer, bias in zip(combiner.layers[:-1], combiner.biases, strict=True):
        x = softplus(layer().detach().numpy().sum((2, 3)) @ x + bias.detach().numpy())
    return (combiner.layers[-1]().detach().numpy()[:, :, 0, 0] @ x).item()


@pytest.mark.parametrize("side", [1, 3, 8])
def test_convnet_on_a_constant_image_is_a_fully_connected_network(side):
    combiner = shake(build("convnet", NAMES))
    levels = torch.tensor([0.4, 1.5, 0.7])
    found = losses(levels.view(1, 3, 1, 1).expand(2, 3, side, side))
    expected = 0.4 + conv_by_hand(combiner, levels.numpy()) - conv_by_hand(combiner, np.zeros(3))
    assert combiner(found).item() == pytest.approx(expected, rel=1e-9)


def test_convnet_begins_near_equal():
    found = losses(torch.ones(2, 3, 8, 8))
    weights = build("convnet", NAMES, scale=0.3).task_weights(found)
    torch.testing.assert_close(weights, torch.tensor([1.0, 0.3, 0.3]))


def test_convnet_sees_where_losses_are():
    """The same pixel losses in another place are another loss: that is what the spatial network is for."""
    combiner = shake(build("convnet", ["a", "b"]))
    spread, heap = torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 8, 8)
    spread[:, :, ::4, ::4] = 5.0
    heap[:, :, 3:5, 3:5] = 5.0
    torch.testing.assert_close(losses(spread).means(), losses(heap).means())
    assert abs(combiner(losses(spread)) - combiner(losses(heap))) > 1e-3


def test_convnet_refuses_losses_per_sample():
    with pytest.raises(ConfigError, match="per pixel"):
        build("convnet", NAMES)(random_losses())


def test_images_are_averaged_for_combiners_of_loss_vectors():
    combiner = shake(build("monotone", NAMES))
    found = images(missing=0.3)
    torch.testing.assert_close(
        combiner(found.per_sample()) - found.per_sample().means()[0], combiner(found) - found.means()[0]
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_the_authors_start(name):
    """Weights from U(0, upper), biases zero, every auxiliary loss times tau, the main loss beside it."""
    torch.manual_seed(0)
    combiner = build(name, NAMES, init="uniform", upper=0.2, scale=0.1, width=4, depth=3)
    weights = [layer().detach().numpy() for layer in combiner.network.layers]
    assert [w.shape for w in weights] == [(4, 3), (4, 4), (4, 4), (1, 4)]
    assert all((w >= 0).all() and (w <= 0.2).all() for w in weights)
    assert all(factor == 1.0 for factor in combiner.rate_factors())
    bent = (lambda x: x) if name == "deep_linear" else softplus

    def run(x):
        for weight in weights[:-1]:
            x = bent(weight @ x)
        return (weights[-1] @ x).item()

    rows = np.array([[0.5, 1.0, 2.0], [1.5, 0.1, 0.3]])
    wanted = rows[:, 0].mean() + np.mean([run(r * [1, 0.1, 0.1]) - run(np.zeros(3)) for r in rows])
    given_losses = TaskLosses(torch.tensor(rows), torch.ones(2, 3, dtype=torch.bool), tuple(NAMES))
    assert combiner(given_losses).item() == pytest.approx(wanted, rel=1e-5)
