"""Real models with two outputs, small enough for float64 on one core, each with a training and a meta batch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TwoHeads(nn.Module):
    """A trunk [B, width] with two outputs."""

    def __init__(
        self, trunk: nn.Module, width: int, call: Callable[[nn.Module, Any], Tensor] | None = None
    ) -> None:
        super().__init__()
        self.trunk, self.head, self.call = trunk, nn.Linear(width, 2), call

    def forward(self, x: Any) -> Tensor:
        return self.head(self.trunk(x) if self.call is None else self.call(self.trunk, x))


def images(side: int = 32, rows: int = 2) -> tuple[Tensor, Tensor]:
    return torch.randn(rows, 3, side, side), torch.randn(rows, 3, side, side)


def words(rows: int = 4) -> tuple[Tensor, Tensor]:
    return torch.randint(50, (rows, 8)), torch.randint(50, (rows, 8))


def from_timm(name: str, **options: Any) -> Any:
    without_torchvisions_operators()
    import timm

    trunk = timm.create_model(name, num_classes=0, **options)
    return TwoHeads(trunk, trunk.num_features), images()


def bert(lora: bool = False) -> Any:
    without_torchvisions_operators()
    from transformers import BertConfig, BertModel

    trunk: Any = BertModel(
        BertConfig(
            vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
        )
    )
    if lora:
        from peft import LoraConfig, get_peft_model

        trunk = get_peft_model(trunk, LoraConfig(r=4, target_modules=["query", "value"], lora_dropout=0.1))
    return TwoHeads(trunk, 32, lambda t, x: t(input_ids=x).last_hidden_state[:, 0]), words()


class Graph(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        from torch_geometric import nn as pyg

        self.first, self.second = getattr(pyg, kind)(5, 8), getattr(pyg, kind)(8, 8)
        self.edges = torch.randint(9, (2, 30))

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x, self.edges).relu(), self.edges)


def graph(kind: str) -> Any:
    return TwoHeads(Graph(kind), 8), (torch.randn(9, 5), torch.randn(9, 5))


def unet() -> Any:
    without_torchvisions_operators()
    import segmentation_models_pytorch as smp

    net = smp.Unet("resnet18", encoder_weights=None, classes=4)
    return TwoHeads(net, 4, lambda t, x: t(x).mean((2, 3))), images(rows=2)


def volumes() -> Any:
    from monai.networks.nets import UNet

    net = UNet(3, 1, 4, channels=(4, 8, 16), strides=(2, 2), norm="batch", dropout=0.1)
    return TwoHeads(net, 4, lambda t, x: t(x).mean((2, 3, 4))), (
        torch.randn(2, 1, 8, 8, 8),
        torch.randn(2, 1, 8, 8, 8),
    )


def lstm() -> Any:
    net = nn.LSTM(6, 8, num_layers=2, bidirectional=True, dropout=0.2, batch_first=True)
    return TwoHeads(net, 16, lambda t, x: t(x)[0].mean(1)), (torch.randn(4, 7, 6), torch.randn(4, 7, 6))


class SimSiam(nn.Module):
    """The second output is the distance of a guess to a target that the trunk makes under `torch.no_grad`."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.head, self.guess = (
            nn.Sequential(nn.Linear(6, 16), nn.Tanh()),
            nn.Linear(16, 1),
            nn.Linear(16, 16),
        )

    def forward(self, x: Tensor) -> Tensor:
        z = self.trunk(x)
        with torch.no_grad():
            target = self.trunk(x + 0.3 * x.roll(1, 1))
        return torch.cat([self.head(z), -F.cosine_similarity(self.guess(z), target)[:, None]], 1)


class Experts(nn.Module):
    """Top-2 of 4 experts by a learned gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.experts = nn.Linear(6, 4), nn.ModuleList(nn.Linear(6, 8) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        weight, chosen = self.gate(x).softmax(-1).topk(2)
        every = torch.stack([e(x).tanh() for e in self.experts], 1)
        return (weight[..., None] * every.gather(1, chosen[..., None].expand(-1, -1, 8))).sum(1)


MODELS: dict[str, Callable[[], Any]] = {
    "timm ResNet-18": lambda: from_timm("resnet18"),
    "timm ViT, 2 blocks": lambda: from_timm("vit_tiny_patch16_224", img_size=32, depth=2),
    "timm ConvNeXt atto, drop path": lambda: from_timm("convnext_atto", drop_path_rate=0.1),
    "BERT, 2 layers": bert,
    "BERT with LoRA": lambda: bert(lora=True),
    "GCN": lambda: graph("GCNConv"),
    "GAT": lambda: graph("GATConv"),
    "U-Net on ResNet-18": unet,
    "MONAI U-Net, 3-D": volumes,
    "LSTM": lstm,
    "SimSiam-like": lambda: (SimSiam(), (torch.randn(8, 6), torch.randn(8, 6))),
    "mixture of experts": lambda: (TwoHeads(Experts(), 8), (torch.randn(8, 6), torch.randn(8, 6))),
}


def without_torchvisions_operators() -> None:
    """Timm imports torchvision, whose compiled operators do not load beside a torch without CUDA; none is used here."""
    try:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        KEPT.append(library)
    except RuntimeError:  # they are there
        return


KEPT: list[Any] = []
