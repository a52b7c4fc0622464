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
    "AuxiLearn, Pet in the code: a meta step every 30 steps, decay 5e-3, focal loss": (
        *("oxford_pet", "image", "auxilearn", "auxilearn"),
        {"every": 30, "meta_lr": 1e-3, "meta_weight_decay": 5e-3, "meta_clip": 50.0, "loss": "focal"},
    ),
    "AuxiLearn, B.1: the networks of losses decay by one of 1e-5 and 5e-5": (
        *("cub", "image", "deep_linear", "auxilearn"),
        {"meta_lr": 1e-3, "meta_weight_decay": 5e-5, "meta_momentum": 0.9},
    ),
    "AuxiLearn, B.3: the label generator decays by one of 5e-4, 1e-4 and 5e-5": (
        *("cifar10", "image", "auxilearn", "auxilearn"),
        {"meta_lr": 1e-3, "meta_weight_decay": 5e-4},
    ),
    **{
        f"AuxiLearn, NYUv2 in the code: {name} has one hidden layer of 3 units from U(0, 1), losses have no factor": (
            *("nyuv2", "dense", name, "auxilearn"),
            {
                "combiner.width": 3,
                "combiner.depth": 1,
                "combiner.upper": 1.0,
                "combiner.scale": 1.0,
                "every": 50,
                "meta_weight_decay": 1e-4,
                "meta_clip": 25.0,
            },
        )
        for name in ("monotone", "deep_linear", "nonlinear")
    },
    "AuxiLearn, C.5: the polynomial kernel learns as the linear network of NYUv2": (
        *("nyuv2", "dense", "polynomial", "auxilearn"),
        {"every": 50, "meta_weight_decay": 1e-4, "meta_clip": 25.0, "meta_lr": 1e-3},
    ),
    "Meta-Weight-Net's code: Adam at 1e-3 on a clean meta set in every step, 100 units": (
        *("cifar10", "image", "meta_weight", "paper"),
        {
            "hypergradient": "",
            "meta": "auxiliary",
            "every": 1,
            "meta_optimizer": "adam",
            "meta_lr": 1e-3,
            "meta_weight_decay": 1e-4,
            "lr": 0.1,
            "momentum": 0.9,
            "weight_decay": 5e-4,
            "epochs": 120,
            "batch": 100,
        },
    ),
    "Auto-Lambda's code, CIFAR-100": (
        *("cifar100", "image", "auto_lambda", "paper"),
        {**COSINE, "lr": 0.1, "batch": 32, "epochs": 200, "meta_lr": 3e-4, "meta_optimizer": "adam"},
    ),
    "Auto-Lambda's code, dense tasks": (
        *("nyuv2", "dense", "auto_lambda", "paper"),
        {"lr": 0.1, "weight_decay": 1e-4, "batch": 4, "meta_lr": 1e-4, "combiner.initial": 0.1},
    ),
    "AuxiNash's code, NYUv2": (
        *("nyuv2", "dense", "aux_nash", "paper"),
        {
            "optimizer": "adam",
            "lr": 1e-4,
            "batch": 2,
            "every": 25,
            "meta_optimizer": "sgd",
            "meta_lr": 5e-3,
            "meta_momentum": 0.9,
            "meta_weight_decay": 0.0,
            "meta_clip": 1.0,
            "estimator.alpha": 1e-4,
            "estimator.terms": 3,
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
