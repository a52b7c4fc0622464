"""Putting networks together: heads, names, the user's own modules, and the sizes of the papers' networks."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from auxin.errors import ConfigError
from auxin.models import PrimaryNetwork, adopt, build_network
from auxin.models.conv4 import Conv4
from auxin.models.resnet18 import ResNet18
from auxin.models.resnet50 import ResNet50
from auxin.models.segnet import SegNet
from auxin.models.vgg16 import VGG16
from auxin.tasks.classes import Classes


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def convolutions(plan: list[int], before: int = 3) -> int:
    """Weights of 3x3 convolutions without bias and of their batch norms, by hand."""
    pairs = zip([before, *plan], plan, strict=False)
    return sum(9 * a * b + 2 * b for a, b in pairs)


def test_vgg16_has_the_papers_size() -> None:
    plan = [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    network = build_network("vgg16", (3, 32, 32), {"main": Classes("main", 20)}, 0)
    assert count(network.trunk) == convolutions(plan)
    assert count(network.heads) == 512 * 512 + 512 + 512 * 20 + 20
    assert [type(layer).__name__ for layer in network.heads["main"]] == ["Linear", "ReLU", "Linear"]


@pytest.mark.parametrize(("kind", "size"), [(ResNet18, 11_176_512), (ResNet50, 23_508_032)])
def test_resnets_have_the_papers_size(kind: type, size: int) -> None:
    """The usual 11,689,512 and 25,557,032 without the layer of 1000 classes; the stems differ by 7x7 - 3x3."""
    large = kind.build((3, 224, 224))
    small = kind.build((3, 32, 32))
    assert count(large) == size
    assert count(large) - count(small) == (49 - 9) * 3 * 64
    assert kind.build((3, 32, 32), stem="large", channel_width=8).width == 8 * large.width // 64


def test_segnet_has_the_papers_size() -> None:
    """64 maps and five levels: VGG-16's thirteen convolutions and their mirror image."""
    down = [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    up = [512] * 5 + [256] * 3 + [128] * 2 + [64] * 3
    network = SegNet.build((3, 32, 32), channel_width=64, levels=5)
    assert count(network.down) == convolutions(down)
    assert count(network.up) == convolutions(up, before=512)


def test_conv4_keeps_positions_or_their_mean() -> None:
    assert Conv4.build((3, 32, 32), channel_width=8).width == 8 * 2 * 2
    assert Conv4.build((3, 32, 32), channel_width=8, pool="mean").width == 8
    assert Conv4.build((1, 28, 28), channel_width=8).width == 8
    assert Conv4.build((1, 1, 1), channel_width=8)(torch.zeros(2, 1, 1, 1)).shape == (2, 8)


def test_conv4_pools_before_its_relu_and_gives_the_blocks_usual_numbers() -> None:
    network = Conv4.build((2, 6, 6), channel_width=5, depth=2).double()
    x = torch.randn(7, 2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    (first, second) = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    usual = x
    for conv, norm in zip((first, second), norms, strict=True):
        usual = functional.max_pool2d(functional.relu(norm(conv(usual))), 2)
    found = network(x)
    assert torch.equal(found, usual.flatten(1))
    weights = torch.randn(found.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    pairs = [
        torch.autograd.grad((weights * y).sum(), network.parameters()) for y in (found, usual.flatten(1))
    ]
    assert all(torch.equal(a, b) for a, b in zip(*pairs, strict=True))


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 64, 48), (1, 8, 8), (1, 1, 1)])
def test_vgg16_takes_other_sizes(shape: tuple[int, ...]) -> None:
    assert VGG16.build(shape, channel_width=2)(torch.zeros(2, *shape)).shape == (2, 16)


def test_xavier_weights_and_zero_biases() -> None:
    network = build_network("vgg16", (3, 32, 32), {"main": Classes("main", 20)}, 0, channel_width=16)
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 15
    for layer in layers:
        receptive = layer.weight[0][0].numel() if layer.weight.dim() == 4 else 1
        bound = (6 / (receptive * (layer.weight.shape[0] + layer.weight.shape[1]))) ** 0.5
        assert layer.weight.abs().max().item() <= bound
        assert layer.weight.abs().max().item() > 0.8 * bound
        assert layer.bias is None or not bool(layer.bias.any())


@pytest.mark.parametrize(
    ("trunk", "head", "layers"),
    [("mlp", "auto", 1), ("mlp", "two_layer", 3), ("vgg16", "auto", 3), ("vgg16", "linear", 1)],
)
def test_heads_have_the_layers_asked_for(trunk: str, head: str, layers: int) -> None:
    options = {"hidden": 4} if trunk == "mlp" else {"channel_width": 2}
    network = build_network(trunk, (1, 8, 8), {"main": Classes("main", 3)}, 0, head, **options)
    assert len(network.heads["main"]) == layers
    assert network(torch.zeros(2, 1, 8, 8))["main"].shape == (2, 3)


def test_an_unknown_head_or_trunk_offers_the_nearest() -> None:
    tasks = {"main": Classes("main", 3)}
    with pytest.raises(ConfigError, match="Did you mean 'linear'"):
        build_network("mlp", (4,), tasks, 0, "liner")
    with pytest.raises(ConfigError, match="Did you mean 'vgg16'"):
        build_network("vgg", (3, 32, 32), tasks, 0)


@pytest.mark.parametrize("name", ["a.b", "type", "values", "train", "training", "", "items", "%", "ä b", "0"])
def test_any_name_can_be_a_task(name: str) -> None:
    network = build_network("mlp", (4,), {name: Classes(name, 3), "a%2Eb": Classes("x", 2)}, 0, hidden=3)
    output = network(torch.zeros(2, 4))
    assert list(output) == [name, "a%2Eb"]
    assert name in network.heads
    assert network.heads.keys() == [name, "a%2Eb"]
    assert len(network.heads) == 2
    again = build_network("mlp", (4,), {name: Classes(name, 3), "a%2Eb": Classes("x", 2)}, 1, hidden=3)
    again.load_state_dict(network.state_dict())
    assert torch.equal(again(torch.ones(2, 4))[name], network(torch.ones(2, 4))[name])


def own() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.5))


def test_a_users_module_becomes_a_trunk_and_is_not_moved() -> None:
    module = own().train()
    module[4].eval()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    random_state = torch.get_rng_state()
    trunk = adopt(module, torch.randn(2, 1, 8, 8))
    random_after = torch.get_rng_state()
    assert trunk.width == 12
    assert [part.training for part in module] == [True, True, True, True, False]
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    torch.set_rng_state(random_state)
    torch.randn(2, 1, 8, 8)
    assert torch.equal(torch.get_rng_state(), random_after)


def test_build_network_copies_a_users_module() -> None:
    module = own()
    network = build_network(module, (1, 8, 8), {"main": Classes("main", 3)}, 0)
    assert isinstance(network, PrimaryNetwork)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(1.0)
    assert not torch.equal(module[1].weight, network.trunk.module[1].weight)
    adopted = adopt(module, torch.zeros(2, 1, 8, 8))
    other = build_network(adopted, (1, 8, 8), {"main": Classes("main", 3)}, 0)
    assert other.trunk.module is not module
    assert torch.equal(other.trunk.module[1].weight, module[1].weight)


@pytest.mark.parametrize(
    ("module", "wrong"),
    [
        (nn.Conv2d(1, 3, 3), r"Found shape \[2, 3, 6, 6\].*pool and flatten"),
        (nn.Linear(9, 3), r"takes inputs \[2, 1, 8, 8\].*It says"),
        (nn.Flatten(0), r"Found shape \[128\]"),
        (nn.LSTM(8, 3), "cannot be a trunk"),
    ],
)
def test_a_module_that_is_no_trunk_is_refused(module: nn.Module, wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        build_network(module, (1, 8, 8), {"main": Classes("main", 3)}, 0)


def test_a_ready_made_trunk_takes_no_options() -> None:
    with pytest.raises(ConfigError, match="takes no options"):
        build_network(own(), (1, 8, 8), {"main": Classes("main", 3)}, 0, hidden=3)


def test_frozen_parameters_are_not_shared_ones() -> None:
    module = own()
    module[1].requires_grad_(False)
    network = build_network(module, (1, 8, 8), {"main": Classes("main", 3)}, 0)
    assert len(network.shared_parameters()) == 2


@pytest.mark.parametrize("bad", [{"activation": "rely"}, {"dropout": 1.0}, {"depth": 0}])
def test_an_mlp_refuses_options_without_sense(bad: dict) -> None:
    with pytest.raises(ConfigError):
        build_network("mlp", (4,), {"main": Classes("main", 3)}, 0, **bad)


def test_dropout_drops_in_training_only() -> None:
    network = build_network("mlp", (4,), {"main": Classes("main", 3)}, 0, dropout=0.5)
    x = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network.eval()(x)["main"], network(x)["main"])
    torch.manual_seed(0)
    assert not torch.equal(network.train()(x)["main"], network(x)["main"])
