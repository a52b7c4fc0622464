"""What a learned rule is held against, on the same bench: raw inputs, PCA, k-means, autoencoders, supervision."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from auxin.features.autoencoder import Autoencoder
from auxin.features.base import Features
from auxin.features.kmeans import KMeans
from auxin.features.pca import PCA
from auxin.features.random import RandomFeatures
from auxin.features.vae import VAE
from auxin.math.rule_network import forward
from auxin.optimizers import spare_compiler
from auxin.rules.bench import Draw, DrawScores, RuleBench
from auxin.update_rules.base import State
from auxin.update_rules.hebb import Hebb

QUICK = ("raw", "pca", "pca_whitened", "kmeans", "random_relu", "random_linear")
SLOW = ("autoencoder", "vae")


def rival(name: str, bench: RuleBench, width: int, hidden: Sequence[int], steps: int) -> DrawScores:
    """A rival's scores: fitted per network on the rows that the network has seen after these steps.

    The slow ones are fitted on the rows of four networks and shared (each in its network's own order of inputs).
    """
    if name == "raw":
        return bench.score(lambda x: x)
    fits = 4 if name in SLOW else bench.nets
    width = min(width, *bench.data.x.shape) if name.startswith("pca") else width
    fitted = []
    for net in range(fits):  # the rows of one network at a time: they are many
        rows = bench.data.unlabelled[bench.batches[:steps, net].flatten()]
        fitted.append(_features(name, width, hidden).fit(rows, seed=net))
    back = bench.order.argsort(1)

    def mapped(x: Tensor) -> Tensor:
        return torch.stack([fitted[t % fits].transform(x[t][:, back[t]]) for t in range(bench.nets)])

    return bench.score(mapped)


def _features(name: str, width: int, hidden: Sequence[int]) -> Features:
    makers = {
        "pca": lambda: PCA(width),
        "pca_whitened": lambda: PCA(width, whiten=True),
        "kmeans": lambda: KMeans(width),
        "random_relu": lambda: RandomFeatures(width),
        "random_linear": lambda: RandomFeatures(width, activation="linear"),
        "autoencoder": lambda: Autoencoder(width, hidden=hidden),
        "vae": lambda: VAE(width, hidden=hidden),
    }
    return makers[name]()


def supervised(
    bench: RuleBench, hidden: Sequence[int], width: int, rates: Sequence[float] = (3e-3, 3e-2)
) -> Tensor:
    """The same network and a linear head trained on the support labels alone (Adam, 150 full-batch steps), [T].

    The learning rate is the better on the validation draws; batch norm sees support and query, as the rule does.
    """
    level = [
        float(torch.stack([_one(bench, d, hidden, width, r) for d in bench.validations]).mean())
        for r in rates
    ]
    best = rates[max(range(len(rates)), key=level.__getitem__)]
    return torch.stack([_one(bench, draw, hidden, width, best) for draw in bench.tests]).mean(0)


def _one(bench: RuleBench, draw: Draw, hidden: Sequence[int], width: int, rate: float) -> Tensor:
    x, n = bench.inputs(draw), draw.support.shape[1]
    blank = Hebb().init_state((x.shape[2], *hidden, width), bench.nets, torch.Generator().manual_seed(7))
    head = torch.zeros(bench.nets, width + 1, bench.data.ways)
    tensors = [t.clone().requires_grad_() for t in [*blank.weights, *blank.biases, head]]
    layers = len(blank.weights)
    spare_compiler()
    optimiser = torch.optim.Adam(tensors, lr=rate, fused=True)

    def logits() -> Tensor:
        state = State(tuple(tensors[:layers]), blank.backward, tuple(tensors[layers : 2 * layers]))
        top = forward(state, x).top.transpose(1, 2)
        return torch.cat([top, torch.ones_like(top[..., :1])], -1) @ tensors[-1]

    for _ in range(150):
        loss = F.cross_entropy(logits()[:, :n].flatten(0, 1), draw.support_y.flatten(), reduction="sum") / n
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        return (logits()[:, n:].argmax(-1) == draw.query_y).float().mean(1)
