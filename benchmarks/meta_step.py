"""What a meta step costs in plain training steps, on real small networks.

    OMP_NUM_THREADS=1 python benchmarks/meta_step.py                     # ResNet-18 of timm and BERT-tiny, batch 32
    OMP_NUM_THREADS=1 python benchmarks/meta_step.py --only MLP --rounds 2000

One thread, float32, AdamW, three tasks, `softmax`, every=1. The plain step is forward, backward and `optimizer.step()`
of the sum of the three losses. CPU time; plain and meta steps take turns; the median of the rounds' ratios, and the
ratio of the least times. The first meta step, which examines the batch, is not counted.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from _matrix.models import without_torchvisions_operators
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import auxin

ROWS = 32
TASKS = {"main": 3, "a": 2, "b": 2}


class Network(nn.Module):
    def __init__(self, trunk: nn.Module, width: int, call: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.trunk, self.head, self.call = trunk, nn.Linear(width, sum(TASKS.values())), call

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return dict(
            zip(TASKS, self.head(self.call(self.trunk, x)).split(list(TASKS.values()), 1), strict=True)
        )


def resnet(side: int) -> tuple[Network, Callable[[], Tensor]]:
    without_torchvisions_operators()
    import timm

    net = Network(timm.create_model("resnet18", num_classes=0), 512, lambda t, x: t(x))
    return net, lambda: torch.randn(ROWS, 3, side, side)


def bert(length: int) -> tuple[Network, Callable[[], Tensor]]:
    from transformers import BertConfig, BertModel

    sizes: dict[str, Any] = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    net = Network(
        BertModel(BertConfig(**sizes, intermediate_size=512)),
        128,
        lambda t, x: t(input_ids=x).last_hidden_state[:, 0],
    )
    return net, lambda: torch.randint(30522, (ROWS, length))


def small() -> tuple[Network, Callable[[], Tensor]]:
    """So small that a step is Python and the calls of its operations alone."""
    trunk = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU())
    return Network(trunk, 4, lambda t, x: t(x)), lambda: torch.randn(ROWS, 4)


NETWORKS = {
    "MLP of four units": small,
    "timm ResNet-18, 64 x 64": lambda: resnet(64),
    "BERT-tiny, 64 tokens": lambda: bert(64),
    "BERT-tiny, 128 tokens": lambda: bert(128),
}


def measured(name: str, rounds: int) -> str:
    torch.manual_seed(0)
    net, inputs = NETWORKS[name]()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)

    def loss(out: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(out, target, reduction="none")

    aux = auxin.Auxiliary(net, main="main", tasks=dict.fromkeys(TASKS, loss), combiner="softmax", every=1)
    batch, meta = (
        {"x": inputs()} | {k: torch.randint(n, (ROWS,)) for k, n in TASKS.items()} for _ in range(2)
    )

    def plain() -> None:
        out = net(batch["x"])
        sum(loss(out[k], batch[k]).mean() for k in TASKS).backward()  # type: ignore[union-attr]
        optimizer.step()
        optimizer.zero_grad()

    plain()
    aux(net(batch["x"]), batch).backward()
    optimizer.zero_grad()
    aux.after_step(optimizer, meta)
    pairs = [(seconds(plain), seconds(lambda: aux.after_step(optimizer, meta))) for _ in range(rounds)]
    ratio = statistics.median(b / a for a, b in pairs)
    least = [min(column) for column in zip(*pairs, strict=True)]
    return (
        f"| {name} | {least[0] * 1e3:.3g} | {least[1] * 1e3:.3g} | {ratio:.2f} | {least[1] / least[0]:.2f} |"
    )


def seconds(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", default="", help="networks whose name has this in it")
    options = parser.parse_args()
    wanted = [name for name in NETWORKS if options.only in name]
    if not wanted:
        parser.error(f"--only {options.only}: no network has this in its name ({', '.join(NETWORKS)})")
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    print(
        "| network | plain step, ms | meta step, ms | median of ratios | ratio of the least |\n|---|---|---|---|---|"
    )
    for name in wanted:
        print(measured(name, options.rounds), flush=True)


if __name__ == "__main__":
    main()
