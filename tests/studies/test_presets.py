"""Each paper's protocol as a preset, and which rows train whom."""

import pytest
import torch

from auxin.data import make_splits
from auxin.data.digits import Digits
from auxin.errors import ConfigError
from auxin.methods import resolve
from auxin.requests.compare import CompareRequest
from auxin.runs.build import build
from auxin.runs.settings import layered
from auxin.studies.presets import decide, protocol_notes, settings_notes, settled
from auxin.training.evaluate import outputs
from auxin.training.loop import EpochCallbacks, fit

AUXILEARN = ("auxilearn", "linear", "monotone", "nonlinear", "deep_linear", "polynomial")


@pytest.mark.parametrize("name", AUXILEARN)
def test_auxilearns_methods_have_auxilearns_protocol(name):
    found = layered("cifar10", "image", resolve(name), "paper", {}, {})
    wanted = {
        "hypergradient": "implicit",
        "estimator.solver": "neumann",
        "estimator.terms": 3,
        "estimator.alpha": 0.1,
        "estimator.factor": False,
        "meta": "auxiliary",
        "every": 25,
        "optimizer": "sgd",
        "lr": 0.1,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "schedule": "cosine",
        "epochs": 200,
        "patience": 200,
        "meta_optimizer": "sgd",
        "meta_momentum": 0.9,
        "meta_clip": 50.0,
        "scale": "raw",
    }
    assert {key: found[key] for key in wanted} == wanted
    for data in ("cifar100", "digits"):
        other = layered(data, "image", resolve(name), "paper", {}, {})
        assert (other["lr"], other["estimator.alpha"]) == (0.01, 0.01)
        tried = layered(data, "image", resolve(name), "paper", {}, {"lr": 0.03})
        assert tried["estimator.alpha"] == 0.03, "the authors take the training rate"
    assert found.get("estimator.parameters") == ("outer" if name == "auxilearn" else None)


def test_the_convnet_combiner_is_trained_as_on_nyuv2():
    found = layered("camvid", "dense", resolve("convnet"), "paper", {}, {})
    assert (found["model"], found["optimizer"], found["lr"]) == ("segnet", "adam", 1e-4)
    assert (found["meta_lr"], found["meta_weight_decay"], found["meta_clip"]) == (1e-4, 1e-5, 100.0)
    assert (found["combiner.init"], found["combiner.upper"]) == ("uniform", 0.1)


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("auto_lambda", {"every": 1, "meta": "next", "meta_optimizer": "adam", "meta_lr": 3e-4, "batch": 32}),
        ("dwa", {"combiner.temperature": 2.0, "schedule": "cosine", "patience": 200}),
        ("gradnorm", {"combiner.alpha": 1.5, "combiner.relative": False}),
        ("aux_nash", {"combiner.unit": "none", "meta_clip": 1.0, "meta_lr": 5e-3, "every": 25}),
        ("uncertainty", {"combiner.limit": 0.0}),
    ],
)
def test_a_rivals_preset_is_its_own_papers(name, own):
    found = layered("cifar10", "image", resolve(name), "paper", {}, {})
    assert {key: found[key] for key in own} == own


def test_maxl_as_a_rival_learns_as_in_its_paper_and_trains_as_in_auxilearns():
    found = layered("cifar10", "image", resolve("maxl"), "auxilearn", {}, {})
    assert (found["rhythm"], found["meta"], found["meta_lr"], found["hypergradient"]) == (
        "alternating",
        "same",
        1e-3,
        "",
    )
    assert (found["schedule"], found["momentum"], found["patience"]) == ("cosine", 0.9, 200)
    assert not [key for key in found if key.startswith("estimator.")]


def test_a_table_has_no_network_of_the_papers():
    assert layered("wine", "vector", resolve("single"), "auxilearn", {}, {})["model"] == "mlp"


def test_single_task_training_learns_the_digits_under_auxilearns_preset():
    dataset = Digits.load(None)
    splits, method = make_splits(dataset, seed=0, validation=0.1), resolve("single")
    user = {"epochs": 6, "model.channel_width": 8}
    built = build(dataset, splits, method, layered("digits", "image", method, "auxilearn", user, {}), seed=0)
    fit(built.state, built.plan, EpochCallbacks())
    found, wanted = outputs(built.network, built.pool, splits.development, built.task)
    assert built.task.score(found, wanted, "accuracy") > 0.4  # chance: 0.1


def test_rows_and_controls_follow_the_first_method_with_a_paper():
    preset, protocol = settled("paper", ["usual", "monotone", "maxl"])
    assert preset == "paper:auxilearn"
    assert protocol is not None
    assert protocol.auxiliary == 0.025
    single = layered("cifar10", "image", resolve("single"), preset, {}, {})
    assert (single["schedule"], single["loss"]) == ("cosine", "cross_entropy")
    assert "auxiliary set" in protocol_notes(preset, protocol)[0]
    assert settled("auxin", ["maxl"]) == ("auxin", None)
    with pytest.raises(ConfigError, match="'paper'"):
        settled("papper", [])


@pytest.mark.parametrize(
    ("name", "option"), [("uncertainty", "limit=0.0"), ("dwa", "temperature=2.0"), ("gradnorm", "alpha=1.5")]
)
def test_a_rival_without_a_protocol_of_its_own_is_named_with_the_one_it_follows(name, option):
    chosen = settled("paper", ["single", name])
    sentence = protocol_notes(*chosen, ["single", name])[-1]
    assert sentence.startswith(f"{name} trains by AuxiLearn's protocol")
    assert option in sentence
    assert not [
        s for s in protocol_notes(*chosen, ["single", "linear", "maxl"]) if "none of its own paper" in s
    ]
    assert len(protocol_notes(*settled("auxilearn", [name]), [name])) == 1


def request(*methods, preset="paper", data="pics", **split):
    return CompareRequest.model_validate(
        {"data": {"name": data}, "methods": methods, "preset": preset, "split": split}
    )


@pytest.mark.parametrize(
    ("methods", "preset", "data", "shares"),
    [
        (("single", "maxl"), "paper", "pics", (0.0, 0.0)),
        (("single", "maxl", "auxilearn"), "paper", "pics", (0.1, 0.025)),
        (("single", "maxl", "auxilearn"), "maxl", "pics", (0.0, 0.025)),
        (("single", "maxl"), "auxilearn", "pics", (0.1, 0.025)),
        (("single", "auxilearn"), "paper", "oxford_pet", (0.3, 0.0084)),
        (("meta_weight",), "paper", "pics", (0.0, 0.02)),
    ],
)
def test_shared_rows_serve_every_named_method(methods, preset, data, shares):
    settled_request, said = decide(request(*methods, preset=preset, data=data))
    assert (settled_request.split.validation, settled_request.split.auxiliary) == shares
    assert said[0].startswith("Held out of the training rows")


def test_the_users_rows_are_kept_under_a_papers_preset():
    split = decide(request("auxilearn", validation=0.3, auxiliary=30))[0].split
    assert (split.validation, split.auxiliary) == (0.3, 30)


def test_what_each_method_trains_and_learns_by_is_printed():
    methods = {name: resolve(name) for name in ("single", "dwa", "monotone", "maxl", "logistic")}
    found = {
        n: layered("cifar10", "image", m, "paper:auxilearn", {"batch": 7}, {}) for n, m in methods.items()
    }
    said = settings_notes("paper:auxilearn", methods, found)
    assert said[0].startswith(
        "single, dwa, monotone train by: model=vgg16, epochs=200, batch=7, optimizer=sgd, lr=0.1,"
    )
    assert said[1].startswith("maxl trains by: ")
    assert "schedule=halve, halve_every=50, loss=focal" in said[1]
    [monotone] = [line for line in said if line.startswith("monotone learns by")]
    for part in (
        "hypergradient=implicit",
        "every=25",
        "meta_clip=50.0",
        "estimator.terms=3",
        "combiner.upper=0.2",
    ):
        assert part in monotone
    assert not [line for line in said if "logistic" in line]
    assert settings_notes("auxin", methods, found) == []


def test_methods_without_a_meta_step_train_on_the_auxiliary_set():
    dataset = Digits.load(None)
    splits = make_splits(dataset, seed=0, labels_per_class=10, auxiliary=0.2)
    assert len(splits.auxiliary) == 20

    def rows(name, **user):
        method = resolve(name)
        flat = layered("digits", "image", method, "auxin", {"model": "mlp", **user}, {})
        return build(dataset, splits, method, flat, seed=0).state.feed.train

    every = set(torch.cat([splits.train, splits.auxiliary]).tolist())
    assert set(rows("single").tolist()) == set(rows("maxl_frozen").tolist()) == every
    assert set(rows("maxl", meta="next").tolist()) == every
    assert set(rows("maxl", meta="auxiliary").tolist()) == set(splits.train.tolist())
