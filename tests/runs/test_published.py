"""Each paper's preset against the paper's own text, number by number; where its code differs, the row says so."""

import pytest

from auxin.methods import resolve
from auxin.runs.settings import layered

ADAM_100 = {"optimizer": "adam", "epochs": 100, "batch": 64}
COSINE = {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 5e-4, "schedule": "cosine"}
NEUMANN = {
    "hypergradient": "implicit",
    "estimator.solver": "neumann",
    "meta": "auxiliary",
    "meta_momentum": 0.9,
}
TEXT = {
    "MAXL, 4.1 and equation 5: the multi-task network": (
        *("cifar10", "image", "maxl", "maxl"),
        {
            "lr": 0.01,
            "epochs": 200,
            "schedule": "halve",
            "optimizer": "sgd",
            "momentum": 0.0,
            "weight_decay": 0.0,
        },
    ),
    "MAXL, 4.1: the label generator; the code's L2 in the place of the text's L1": (
        *("cifar10", "image", "maxl", "maxl"),
        {"meta_lr": 1e-3, "meta_weight_decay": 5e-4, "labeler.entropy": 0.2, "loss": "focal", "average": 10},
    ),
    "MAXL, table 1: two layers on MNIST": ("mnist", "image", "maxl", "maxl", {"model": "mlp", "epochs": 200}),
    "MAXL, table 1: ResNet-50 on CINIC-10": ("cinic10", "image", "maxl", "maxl", {"model": "resnet50"}),
    "AuxiLearn, B.1: ADAM, 5 layers of 10 units, factor 0.1": (
        *("cub", "image", "monotone", "auxilearn"),
        {**ADAM_100, **NEUMANN, "combiner.width": 10, "combiner.depth": 5, "combiner.scale": 0.1},
    ),
    "AuxiLearn, B.2: ADAM at 1e-4, halved after 100 of 200": (
        *("nyuv2", "dense", "linear", "auxilearn"),
        {
            "optimizer": "adam",
            "lr": 1e-4,
            "epochs": 200,
            "schedule": "halve",
            "halve_every": 100,
            "model": "segnet",
        },
    ),
    "AuxiLearn, B.2: DWA's temperature": (
        "nyuv2",
        "dense",
        "dwa",
        "auxilearn",
        {"combiner.temperature": 2.0},
    ),
    "AuxiLearn, B.2: GradNorm's alpha": ("nyuv2", "dense", "gradnorm", "auxilearn", {"combiner.alpha": 1.5}),
    "AuxiLearn, B.3: CIFAR-10": (
        *("cifar10", "image", "auxilearn", "auxilearn"),
        {**COSINE, **NEUMANN, "lr": 0.1, "epochs": 200, "model": "vgg16", "every": 25},
    ),
    "AuxiLearn, B.3: CIFAR-100": (
        *("cifar100", "image", "auxilearn", "auxilearn"),
        {**COSINE, "lr": 0.01, "epochs": 200, "model": "vgg16"},
    ),
    "AuxiLearn, B.3: SVHN": (
        *("svhn", "image", "auxilearn", "auxilearn"),
        {**COSINE, "lr": 0.1, "epochs": 50, "model": "conv4"},
    ),
    "AuxiLearn, B.3: Cars": (
        *("cars", "image", "auxilearn", "auxilearn"),
        {
            "optimizer": "adam",
            "lr": 1e-4,
            "weight_decay": 5e-3,
            "epochs": 150,
            "batch": 64,
            "model": "resnet18",
        },
    ),
    "AuxiLearn, B.3: Pet; the code's SGD at 1e-3 in the place of the text's ADAM at 1e-4": (
        *("oxford_pet", "image", "auxilearn", "auxilearn"),
        {
            "optimizer": "sgd",
            "lr": 1e-3,
            "weight_decay": 5e-3,
            "epochs": 150,
            "batch": 16,
            "model": "resnet18",
        },
    ),
    "AuxiLearn, table 3: MAXL as a rival learns as in its own paper": (
        *("cifar10", "image", "maxl", "auxilearn"),
        {
            **COSINE,
            "meta_lr": 1e-3,
            "meta_weight_decay": 5e-4,
            "labeler.entropy": 0.2,
            "rhythm": "alternating",
        },
    ),
}


@pytest.mark.parametrize("place", TEXT)
def test_a_preset_has_the_papers_numbers(place: str) -> None:
    data, modality, method, preset, wanted = TEXT[place]
    found = layered(data, modality, resolve(method), preset, {}, {})
    assert {name: found.get(name) for name in wanted} == wanted
