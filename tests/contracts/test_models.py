"""What every trunk promises."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp

from auxin import catalogue
from auxin.errors import ConfigError
from auxin.models import Trunk, build_network
from auxin.tasks.classes import Classes
from auxin.tasks.dense_classes import DenseClasses

NAMES = [
    name for name in catalogue.names("models") if name != "pretrained"
]  # that one needs a path: tests/models
SHAPES = {"image": [(1, 8, 8), (3, 13, 10), (3, 32, 32)], "vector": [(5,), (64,)], "any": [(5,), (1, 8, 8)]}
SHAPES["points"] = [(3, 16, 1), (3, 9, 1)]
each = pytest.mark.parametrize("name", NAMES)


def kind(name: str) -> type[Trunk]:
    return catalogue.load("models", name)


def small(name: str) -> dict[str, int]:
    """Options that make a trunk tiny."""
    return {"hidden": 6} if name == "mlp" else {"channel_width": 2}


def shape_of(name: str) -> tuple[int, ...]:
    return SHAPES[kind(name).modality][0]


def tiny(name: str, seed: int = 0, **options: object) -> nn.Module:
    tasks = {"main": Classes("main", 3), "more": Classes("more", 4)}
    return build_network(name, shape_of(name), tasks, seed, **{**small(name), **options}).double()


def inputs(name: str, rows: int = 4, shape: tuple[int, ...] | None = None, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, *(shape or shape_of(name)), generator=generator, dtype=torch.float64)


def state(network: nn.Module) -> dict[str, Tensor]:
    return {k: v.clone() for k, v in network.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_the_sweep_sees_every_trunk() -> None:
    assert {"mlp", "conv4", "vgg16", "resnet18", "resnet50", "segnet"} <= set(NAMES)


@each
def test_features_have_the_width_that_is_said(name: str) -> None:
    for shape in SHAPES[kind(name).modality]:
        trunk = kind(name).build(shape, **small(name)).double()
        features = trunk(inputs(name, 3, shape))
        assert features.shape == ((3, trunk.width, *shape[1:]) if trunk.dense else (3, trunk.width)), shape
        assert bool(features.isfinite().all())


@each
@pytest.mark.parametrize("norm", ["batch", "group", "layer", "none"])
def test_every_norm_trains(name: str, norm: str) -> None:
    network = tiny(name, norm=norm)
    sum(output.square().sum() for output in network(inputs(name)).values()).backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in network.parameters())
    shifts = [m for m in network.trunk.modules() if getattr(m, "bias", None) is not None]
    assert shifts  # by the normalisation or, without one, by the layers themselves


@each
def test_every_parameter_is_reached(name: str) -> None:
    network = tiny(name)
    output = network(inputs(name, 8))
    grads = torch.autograd.grad(sum(o.square().sum() for o in output.values()), list(network.parameters()))
    idle = [
        k for (k, _), g in zip(network.named_parameters(), grads, strict=True) if not bool((g != 0).any())
    ]
    assert idle == []


@each
@pytest.mark.parametrize("training", [True, False])
def test_double_backward_and_jvp_agree_with_finite_differences(name: str, training: bool) -> None:
    """<u, H v> by reverse over reverse and <g, v> by forward mode, against central differences along v."""
    network, x, labels = tiny(name), inputs(name, 6), torch.tensor([0, 1, 2, 0, 1, 2])
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():  # away from zero biases, which put a ReLU of a dead region on its kink
        for p in network.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator, dtype=p.dtype))
        network(x)
    network.train(training)
    buffers = dict(network.named_buffers())
    names = [k for k, _ in network.named_parameters()]
    start = [p.detach().clone() for p in network.parameters()]
    v = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in start]

    def loss(*params: Tensor) -> Tensor:
        fresh = {k: b.clone() for k, b in buffers.items()}
        signals = functional_call(network, {**dict(zip(names, params, strict=True)), **fresh}, (x,))
        return Classes("main", 3).loss(signals["main"], labels).mean()

    def gradient(shift: float) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        leaves = [(p + shift * d).requires_grad_() for p, d in zip(start, v, strict=True)]
        value = loss(*leaves)
        return (
            value.detach(),
            leaves,
            list(torch.autograd.grad(value, leaves, create_graph=True, allow_unused=True)),
        )

    _, leaves, g = gradient(0.0)
    used = [(d, w) for d, w in zip(g, v, strict=True) if d is not None]
    slope = sum((d * w).sum() for d, w in used)
    second = torch.autograd.grad(slope, leaves, allow_unused=True)
    curvature = sum((d * w).sum() for d, w in zip(second, v, strict=True) if d is not None)
    _, forward = jvp(loss, tuple(start), tuple(v))
    step = 1e-7
    (up, _, g_up), (down, _, g_down) = gradient(step), gradient(-step)
    slopes = [sum((d * w).sum() for d, w in zip(h, v, strict=True) if d is not None) for h in (g_up, g_down)]
    torch.testing.assert_close(forward, slope.detach(), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close((up - down) / (2 * step), slope.detach(), rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(
        ((slopes[0] - slopes[1]) / (2 * step)).detach(), curvature, rtol=1e-4, atol=1e-6
    )


@each
def test_a_forward_changes_neither_inputs_nor_parameters(name: str) -> None:
    network, x = tiny(name), inputs(name)
    before, kept = {k: p.detach().clone() for k, p in network.named_parameters()}, x.clone()
    network(x)
    assert torch.equal(x, kept)
    assert same(before, {k: p.detach() for k, p in network.named_parameters()})


@each
def test_evaluation_is_a_function_of_each_row(name: str) -> None:
    network, x = tiny(name).eval(), inputs(name, 5)
    before = state(network)
    whole = network(x)["main"]
    torch.testing.assert_close(network(x[2:3])["main"], whole[2:3], rtol=1e-10, atol=1e-12)
    assert same(before, state(network))


@each
def test_the_seed_settles_the_weights_and_torchs_state_is_left(name: str) -> None:
    random_state = torch.get_rng_state()
    first = state(tiny(name, seed=5))
    assert torch.equal(torch.get_rng_state(), random_state)
    torch.rand(3)
    assert same(first, state(tiny(name, seed=5)))
    other = state(tiny(name, seed=6))
    weights = [k for k, v in first.items() if k.endswith("weight") and v.dim() > 1]
    assert len(weights) >= 3
    assert [k for k in weights if torch.equal(first[k], other[k])] == []


@each
def test_shared_weights_do_not_depend_on_the_tasks(name: str) -> None:
    one = build_network(name, shape_of(name), {"main": Classes("main", 3)}, 0, **small(name)).double()
    two = tiny(name)
    assert same(state(one.trunk), state(two.trunk))
    assert same(state(one.heads["main"]), state(two.heads["main"]))
    assert len(two.shared_parameters()) == len(list(one.trunk.parameters()))


@each
def test_heads_of_one_size_start_apart(name: str) -> None:
    tasks = {"a": Classes("a", 3), "b": Classes("b", 3)}
    network = build_network(name, shape_of(name), tasks, 0, **small(name)).double()
    output = network.eval()(inputs(name))
    assert not torch.allclose(output["a"], output["b"])


@each
def test_it_learns(name: str) -> None:
    network = tiny(name, **{next(iter(small(name))): 8}).train()
    x, labels = inputs(name, 6), torch.tensor([0, 1, 2, 0, 1, 2])
    task = Classes("main", 3, loss="cross_entropy")
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for _ in range(40):
        loss = task.loss(network(x)["main"], labels).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


@each
def test_state_goes_through_a_state_dict(name: str) -> None:
    a, b, x = tiny(name, seed=0).eval(), tiny(name, seed=1).eval(), inputs(name)
    b.load_state_dict(a.state_dict())
    assert torch.equal(a(x)["main"], b(x)["main"])


@each
def test_impossible_shapes_and_options_are_refused(name: str) -> None:
    wrong = {
        "image": [(5,), (3, 8), (0, 8, 8), (3, 0, 8), (1, 2, 3, 4)],
        "vector": [(), (0,)],
        "any": [(), (0,)],
        "points": [(5,), (3, 8, 2), (3, 1, 1)],
    }
    for shape in wrong[kind(name).modality]:
        with pytest.raises(ConfigError, match="cannot take these inputs"):
            kind(name).build(shape)
    for option in ({next(iter(small(name))): 0}, {next(iter(small(name))): 2.5}, {"norm": "bach"}):
        with pytest.raises(ConfigError):
            kind(name).build(shape_of(name), **option)
    with pytest.raises(
        ConfigError, match=r"has no option 'nonsense'\.( Expected one of: model\.(?!options)|$)"
    ):
        tiny(name, nonsense=1)


@each
def test_dense_tasks_need_a_map(name: str) -> None:
    tasks = {"scene": DenseClasses("scene", 3), "main": Classes("main", 2)}
    if not kind(name).dense:
        with pytest.raises(ConfigError, match="no feature map"):
            build_network(name, shape_of(name), tasks, 0, **small(name))
        return
    shape = (3, 16, 1) if kind(name).modality == "points" else (1, 8, 10)
    output = build_network(name, shape, tasks, 0, **small(name))(torch.zeros(2, *shape))
    assert output["scene"].shape == (2, 3, *shape[1:])
    assert output["main"].shape == (2, 2)


def test_a_misspelt_option_of_a_trunk_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"one of: model\.hidden, .*Did you mean 'model\.hidden'\?"):
        tiny("mlp", hiden=3)
