"""Settings in layers, their kinds, and the tries on validation."""

import pytest

from auxin.errors import ConfigError
from auxin.methods import Method, names, resolve
from auxin.requests.hyperparameters import all_checked
from auxin.requests.values import settings
from auxin.runs.settings import attempts, layered, options


def test_later_layers_win() -> None:
    method = Method(settings={"lr": 0.5, "every": 3}, published={"every": 7})
    assert layered("other", "image", method, "auxin", {}, {})["lr"] == 0.5
    assert layered("other", "image", method, "auxin", {}, {"lr": 0.6})["lr"] == 0.6
    assert layered("other", "image", method, "auxin", {"lr": 0.7}, {"lr": 0.6})["lr"] == 0.7
    paper = layered("other", "image", method, "paper", {}, {})
    assert (paper["lr"], paper["every"], paper["schedule"], paper["average"]) == (0.01, 7, "halve", 10)


def test_the_papers_recipe_for_maxl() -> None:
    found = layered("cifar100", "image", resolve("maxl"), "paper", {}, {})
    wanted = {
        "rhythm": "alternating",
        "meta": "same",
        "scale": "raw",
        "meta_optimizer": "sgd",
        "meta_lr": 1e-3,
        "meta_weight_decay": 5e-4,
        "labeler.entropy": 0.2,
        "batch": 100,
        "epochs": 200,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "loss": "focal",
        "model": "vgg16",
    }
    assert {name: found[name] for name in wanted} == wanted


def test_a_data_sets_model_options_do_not_follow_another_model() -> None:
    found = layered("digits", "image", Method(), "auxin", {"model": "mlp"}, {})
    assert options(found, "model") == {}
    kept = layered("digits", "image", Method(), "auxin", {"model": "mlp", "model.hidden": 9}, {})
    assert options(kept, "model") == {"hidden": 9}


@pytest.mark.parametrize("text", ["lerning=1", "lr", "lr=fast", "epochs=1.5", "model=3"])
def test_bad_settings_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        all_checked(settings([text]))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("single", "model.norm=none", "none"),
        ("maxl", "labeler.penalty=none", "none"),
        ("aux_nash", "combiner.unit=none", "none"),
        ("maxl", "estimator.horizon=none", None),
        ("single", "clip=none", None),
    ],
)
def test_none_is_a_text_where_the_option_takes_text(name: str, text: str, expected: str | None) -> None:
    [setting] = (own := settings([text]))
    assert layered("x", "image", resolve(name), "auxin", own, {})[setting] == expected


def test_the_nearest_setting_is_offered() -> None:
    with pytest.raises(ConfigError, match="'schedule'"):
        all_checked(settings(["shedule=cosine"]))


@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_every_method_gets_the_same_number_of_different_tries(count: int) -> None:
    methods = [resolve(n) for n in ("single", "equal", "maxl", "maxl_frozen", "random", "rotation", "given")]
    for method in methods:
        found = attempts(method, count, 0.1)
        assert len(found) == count
        assert len({tuple(sorted(a.items())) for a in found}) == count
    assert attempts(methods[2], 4, 0.1)[0] == {"lr": 0.1, "combiner.scale": 1.0}


def test_every_known_name_is_a_method_and_controls_learn_nothing() -> None:
    found = {name: resolve(name) for name in names() if name != "torchjd"}
    assert len(found) >= 12
    assert not found["maxl"].control
    assert all(
        found[n].control
        for n in ("single", "equal", "maxl_frozen", "random", "clusters", "given", "rotation")
    )
    assert found["maxl"].twin == "maxl_frozen"
    with pytest.raises(ConfigError, match="'maxl'"):
        resolve("maxxl")
