"""The training protocol of each paper: the `paper` preset of its methods, from the papers and their authors' code.

A protocol has three layers: what every method in the paper's tables shares (the network, the optimiser, the schedule),
what is set for the learned ones (the hypergradient and phi's optimiser), and what the paper changes for a data set or
for a task with a value per pixel. A combiner's own options are in its file (`Combiner.published`). Where the paper
gives a grid, the value is the one of the authors' code, or one from the middle of the grid.

A rival whose own paper has no setting of this kind (uncertainty, DWA, GradNorm ...) follows AuxiLearn's, in
whose tables it stands; a method without a paper follows MAXL's, unless the preset names another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from auxin.methods.base import Method, Setting, Settings

Layer = Mapping[str, Settings]


@dataclass(frozen=True)
class Protocol:
    """The training protocol of one paper.

    Attributes:
        training: Settings of every method in its tables.
        learning: Settings of the methods that learn phi; an `estimator.alpha` of "lr" is the training rate.
        labels: Settings of those of them that learn labels.
        data: Settings that differ for a data set, by its name, or for main tasks with a value per pixel, by "dense".
        combiners: Settings that differ for a combiner on dense tasks.
        validation: Share of the training rows on which the best epoch is chosen.
        auxiliary: Share of the training rows held out for the meta step; methods without a meta step train on them.
        rows: The two shares, validation and auxiliary, of data sets for which the paper changes them.
        seeds: Number of runs that its tables average.
        text: Description of the protocol in one sentence, printed when it is used.
    """

    training: Settings
    learning: Settings
    text: str
    labels: Settings = field(default_factory=dict)
    data: Layer = field(default_factory=dict)
    combiners: Layer = field(default_factory=dict)
    validation: float = 0.0
    auxiliary: float = 0.0
    rows: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    seeds: int = 3


_SGD: Settings = {
    "optimizer": "sgd",
    "lr": 0.1,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "schedule": "cosine",
    "loss": "cross_entropy",
}
"""The training of most networks in these papers."""
_NEUMANN: Settings = {
    "hypergradient": "implicit",
    "estimator.solver": "neumann",
    "estimator.terms": 3,
    "estimator.alpha": "lr",
    "estimator.factor": False,
    "rhythm": "fused",
    "every": 25,
    "scale": "raw",
    "meta_optimizer": "sgd",
    "meta_momentum": 0.9,
    "meta_paced": False,
}
"""Implicit differentiation by three Neumann terms, every 25 steps."""

MAXL = Protocol(
    training={
        "model": "vgg16",
        "epochs": 200,
        "batch": 100,
        "lr": 0.01,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "schedule": "halve",
        "loss": "focal",
        "average": 10,
    },
    learning={
        "rhythm": "alternating",
        "meta": "same",
        "scale": "raw",
        "meta_optimizer": "sgd",
        "meta_lr": 1e-3,
        "meta_weight_decay": 5e-4,
        "meta_paced": False,
    },
    data={
        "mnist": {"model": "mlp"},
        "svhn": {"model": "mlp"},
        "cinic10": {"model": "resnet50"},
        "voc12s": {"model": "resnet50"},
    },
    text="MAXL's protocol (Liu, Davison, Johns 2019, section 4.1): no validation rows, nothing tuned, plain SGD at "
    "0.01 halved every 50 of 200 epochs, the last ten epochs' mean is reported.",
)

_NYUV2: Settings = {"every": 50, "meta_weight_decay": 1e-4, "meta_clip": 25.0}
"""AuxiLearn's meta step on NYUv2."""
_NYUV2_NETWORK: Settings = {
    "combiner.width": 3,
    "combiner.depth": 1,
    "combiner.upper": 1.0,
    "combiner.scale": 1.0,
}
"""AuxiLearn's networks of losses on NYUv2: one hidden layer of three units; losses have no factor there."""

AUXILEARN = Protocol(
    training={**_SGD, "model": "vgg16", "epochs": 200, "batch": 100, "lr": 0.01, "patience": 200},
    learning={**_NEUMANN, "meta": "auxiliary", "meta_lr": 1e-3, "meta_weight_decay": 5e-5, "meta_clip": 50.0},
    labels={"estimator.parameters": "outer", "meta_weight_decay": 5e-4},
    data={
        "cifar10": {"lr": 0.1},
        "svhn": {"model": "conv4", "lr": 0.1, "epochs": 50, "patience": 50},
        "cub": {
            "model": "resnet18",
            "optimizer": "adam",
            "lr": 1e-4,
            "weight_decay": 5e-4,
            "epochs": 100,
            "patience": 100,
            "schedule": "constant",
            "batch": 64,
        },
        "oxford_pet": {
            "model": "resnet18",
            "lr": 1e-3,
            "weight_decay": 5e-3,
            "epochs": 150,
            "batch": 16,
            "loss": "focal",
            "every": 30,
            "meta_weight_decay": 5e-3,
        },
        "cars": {
            "model": "resnet18",
            "optimizer": "adam",
            "lr": 1e-4,
            "weight_decay": 5e-3,
            "epochs": 150,
            "batch": 64,
        },
        "dense": {
            "model": "segnet",
            "optimizer": "adam",
            "lr": 1e-4,
            "weight_decay": 0.0,
            "epochs": 200,
            "patience": 200,
            "schedule": "halve",
            "halve_every": 100,
            "batch": 8,
        },
    },
    combiners={
        "linear": _NYUV2,
        "polynomial": _NYUV2,
        "deep_linear": {**_NYUV2, **_NYUV2_NETWORK},
        "monotone": {**_NYUV2, **_NYUV2_NETWORK},
        "nonlinear": {**_NYUV2, **_NYUV2_NETWORK},
        "convnet": {**_NYUV2, "meta_lr": 1e-4, "meta_weight_decay": 1e-5, "meta_clip": 100.0},
    },
    validation=0.1,
    auxiliary=0.025,
    rows={"oxford_pet": (0.3, 0.0084), "cars": (0.3, 0.0168)},
    text="AuxiLearn's protocol (Navon et al. 2021, appendix B): implicit differentiation by three Neumann terms every "
    "25 steps on a held-out auxiliary set (2.5 % of the training rows; methods without a meta step train on them), "
    "SGD with momentum 0.9 and a cosine schedule, the best epoch on validation rows is kept. The rate is 0.1 on "
    "CIFAR-10 and SVHN and, as on CIFAR-100, 0.01 on other data; the loss is the cross-entropy. The paper's other "
    "data sets have settings of their own.",
)

AUTO_LAMBDA = Protocol(
    training={**_SGD, "model": "vgg16", "epochs": 200, "batch": 32},
    learning={
        "rhythm": "fused",
        "every": 1,
        "meta": "next",
        "scale": "raw",
        "meta_optimizer": "adam",
        "meta_lr": 3e-4,
        "meta_paced": False,
    },
    data={"dense": {"model": "segnet", "batch": 4, "weight_decay": 1e-4, "meta_lr": 1e-4}},
    text="Auto-Lambda's protocol (Liu, James, Davison, Johns 2022, and its code): SGD at 0.1 with momentum 0.9 and a "
    "cosine schedule over 200 epochs, Adam at 3e-4 for the weights in every step, judged on another batch.",
)

AUX_NASH = Protocol(
    training={
        **AUXILEARN.data["dense"],
        "loss": "cross_entropy",
        "model": "vgg16",
        "patience": None,
        "batch": 32,
    },
    learning={**_NEUMANN, "estimator.alpha": 1e-4, "meta": "next", "meta_lr": 5e-3, "meta_clip": 1.0},
    data={"dense": {"model": "segnet", "batch": 2}},
    text="AuxiNash's protocol (Shamsian et al. 2023, and its code): Adam at 1e-4 halved after 100 of 200 epochs, the "
    "preferences by implicit differentiation every 25 steps on another training batch, SGD at 5e-3 with momentum.",
)

META_WEIGHT = Protocol(
    training={**_SGD, "model": "resnet18", "epochs": 120, "batch": 100},
    learning={
        "rhythm": "fused",
        "every": 1,
        "meta": "auxiliary",
        "scale": "raw",
        "meta_optimizer": "adam",
        "meta_lr": 1e-3,
        "meta_weight_decay": 1e-4,
        "meta_paced": False,
    },
    auxiliary=0.02,
    text="Meta-Weight-Net's protocol (Shu et al. 2019, and its code): a look-ahead step in every step, judged on a "
    "held-out meta set (2 % of the training rows; methods without a meta step train on them), Adam at 1e-3 with decay "
    "1e-4 for the weights, SGD at 0.1 with momentum 0.9 over 120 epochs. A cosine schedule and ResNet-18 stand in for "
    "two tenfold drops of the rate and ResNet-32.",
)

PROTOCOLS: dict[str, Protocol] = {
    "maxl": MAXL,
    "auxilearn": AUXILEARN,
    "auto_lambda": AUTO_LAMBDA,
    "aux_nash": AUX_NASH,
    "meta_weight": META_WEIGHT,
}
_BY_URL = {
    "https://arxiv.org/abs/1901.08933": "maxl",
    "https://arxiv.org/abs/2007.02693": "auxilearn",
    "https://arxiv.org/abs/2202.03091": "auto_lambda",
    "https://arxiv.org/abs/2301.13501": "aux_nash",
    "https://arxiv.org/abs/1902.07379": "meta_weight",
}


def protocol_name(method: Method) -> str:
    """The protocol of a method's own paper, as the preset `paper` has it.

    >>> from auxin.methods import resolve
    >>> [protocol_name(resolve(name)) for name in ("maxl", "monotone", "auto_lambda", "dwa", "single")]
    ['maxl', 'auxilearn', 'auto_lambda', 'auxilearn', 'maxl']
    """
    if method.paper is not None and has_protocol(method):
        return _BY_URL[method.paper.url]
    return "auxilearn" if method.paper is not None and method.given else "maxl"


def has_protocol(method: Method) -> bool:
    """Whether the training of a method's own paper is one of the protocols.

    >>> from auxin.methods import resolve
    >>> [has_protocol(resolve(name)) for name in ("maxl", "dwa", "uncertainty", "gradnorm")]
    [True, False, False, False]
    """
    return method.paper is not None and method.paper.url in _BY_URL


def published(name: str, method: Method, data: str, modality: str) -> dict[str, Setting]:
    """All settings of a paper's protocol for a method on a data set.

    A method of another paper that is a rival in this paper's tables follows this paper's training settings and its
    own paper's settings for learning phi.

    Args:
        name: Name of the protocol.
        method: Method to be trained.
        data: Name of the data set.
        modality: Modality of its inputs; "dense" where the main task has a value per pixel.
    """
    dense = modality == "dense"
    protocol, own = PROTOCOLS[name], PROTOCOLS[protocol_name(method) if method.paper else name]
    learning: dict[str, Setting] = {**own.learning, **(own.labels if method.labeler is not None else {})}
    learning.update({n: v for n, v in own.data.get("dense" if dense else data, {}).items() if n in learning})
    training: dict[str, Setting] = dict(protocol.training)
    training.update(protocol.data.get("dense" if dense else data, {}))
    found = {n: v for n, v in training.items() if n not in own.learning and n not in protocol.learning}
    if method.estimator is not None:
        found.update(learning)
    found.update(method.published)
    if dense:
        found.update(own.combiners.get(method.combiner, {}))
    if modality == "vector":
        del found["model"]  # every published network takes images
    return found
