"""Estimators, networks side by side and blends as ONNX: the runtime says what auxin says."""

from typing import Any

import numpy as np
import pytest
import torch

from auxin import catalogue, rivals
from auxin.errors import UnsupportedError
from auxin.exported.onnx_committee import committee_onnx
from auxin.fitting.blend import Blend
from auxin.fitting.candidates import Constant, Member, RivalMember
from auxin.fitting.featured import featured_candidates
from auxin.fitting.images import ConvCandidate
from auxin.fitting.network import NetworkCandidate
from auxin.fitting.process import PROCESSES, ProcessCandidate, process_candidates
from auxin.fitting.rows import Rows
from auxin.fitting.scores import is_numbers, probable
from auxin.fitting.search import TemperedMember
from auxin.fitting.stacked import AuxiliaryPredictions, StackedMember
from auxin.tasks.classes import Classes
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.regression import Regression

pytest.importorskip("skl2onnx", reason="needs the extra `onnx`")
runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
REFUSED = ("label_spreading", "gaussian_process")
NAMES = [n for n in catalogue.names("rivals") if n not in ("catboost", "pretrained_linear", *REFUSED)]


def rows(kind: str = "classes") -> Rows:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(80, 5)).astype(np.float32)
    x[draw.random(x.shape) < 0.03] = np.nan
    z = torch.from_numpy(np.nan_to_num(x[:, 0]) + 0.3 * draw.normal(size=80))
    part = {"part": (Regression.fit("part", z.float()), z.float())}
    if kind == "numbers":
        return Rows(x, Regression.fit("y", 20 + 5 * z), (20 + 5 * z).float(), part)
    if kind == "attributes":
        return Rows(x, Multilabel("y", 2), torch.stack([(z > 0).float(), (z > 0.4).float()], 1), part)
    return Rows(x, Classes("y", 4), torch.bucketize(z, torch.tensor([-0.5, 0.5])) + 1, part)


def distance(member: Member, x: np.ndarray) -> float:
    """The largest difference between what the ONNX file and the member predict, relative above 1."""
    session = runtime.InferenceSession(committee_onnx(member, [x.shape[1]]).SerializeToString())
    [found] = session.run(None, {"x": x})
    task: Any = member.task
    outputs = member.outputs(x)
    wanted = task.predict(outputs) if is_numbers(task) else probable(task, outputs)
    expected = wanted.numpy()
    assert found.shape == expected.shape
    return float((np.abs(found - expected) / (1 + np.abs(expected))).max())


def rival(name: str, given: Rows) -> RivalMember:
    kind = rivals.kind_of(given.task)
    options = catalogue.load("rivals", name).tries(kind, given.shape)[0]
    return RivalMember(given.task, rivals.fit(name, given.task, given.x, given.y, given.shape, 0, options))


@pytest.mark.parametrize("kind", ["classes", "numbers"])
@pytest.mark.parametrize("name", NAMES)
def test_a_rival(name: str, kind: str) -> None:
    given = rows(kind)
    if rivals.why_not(name, given.task):
        pytest.skip(rivals.why_not(name, given.task))
    assert distance(rival(name, given), given.x) < 1e-4


@pytest.mark.parametrize("kind", ["classes", "numbers"])
@pytest.mark.parametrize("name", ["lightgbm", "gradient_boosting", "extra_trees", "random_forest"])
def test_trees_between_neighbours_in_float32(name: str, kind: str) -> None:
    """A threshold between two float32 numbers must not be rounded up to the greater one."""
    if name not in NAMES:
        pytest.skip("needs the extra `boosting`")
    small = np.nextafter(np.float32(100), np.float32(200))
    x = np.where(np.arange(100) % 2, np.nextafter(small, np.float32(200)), small)[:, None]
    y = torch.arange(100) % 2
    numbers = kind == "numbers"
    task = Regression.fit("y", y.float()) if numbers else Classes("y", 2)
    given = Rows(x, task, y.float() if numbers else y)
    assert len(np.unique(rival(name, given).outputs(x).numpy()[:, 0])) == 2
    assert distance(rival(name, given), x) < 1e-4


@pytest.mark.parametrize("family", PROCESSES)
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_gaussian_process(kind: str, family: str) -> None:
    given = rows(kind)
    assert distance(ProcessCandidate(family).train(given, given.labelled, 0), given.x) < 1e-5


@pytest.mark.parametrize("kind", ["classes", "numbers", "attributes"])
def test_a_blend_at_a_temperature(kind: str) -> None:
    given = rows(kind)
    linear = "ridge" if kind == "numbers" else "logistic"
    network = NetworkCandidate("network", {"rate": 5e-3}).train(given, given.labelled, 0)
    guess = Constant().train(given, given.labelled, 0)
    tempered = TemperedMember(rival(linear, given), 1.7, (-0.5, 0.5) if kind == "numbers" else None)
    members = tempered, network, guess
    assert distance(tempered, given.x) < 1e-4
    assert distance(TemperedMember(Blend(given.task, members, (0.5, 0.3, 0.2)), 0.8), given.x) < 1e-4


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_behind_models_of_the_auxiliaries(kind: str) -> None:
    given = rows(kind)
    fed = AuxiliaryPredictions.fit(given, 0)
    assert fed is not None
    wider = Rows(np.concatenate([given.x, fed.own.astype(np.float32)], 1), given.task, given.y)
    own = rival("ridge" if kind == "numbers" else "logistic", wider)
    assert distance(StackedMember(given.task, own, fed), given.x) < 1e-4


def test_word_counts_are_given_length_one() -> None:
    draw = np.random.default_rng(0)
    x = (draw.poisson(0.05, size=(60, 140))).astype(np.float32)
    given = Rows(x, Classes("y", 2), torch.from_numpy((x[:, :40].sum(1) > 2).astype(np.int64)))
    assert given.shape.sparse
    assert distance(NetworkCandidate("network", {"rate": 5e-3}).train(given, given.labelled, 0), x) < 1e-4
    assert distance(rival("logistic", given), x) < 1e-4


@pytest.mark.parametrize("name", ["logistic", "svc"])
def test_an_estimator_on_images(name: str) -> None:
    draw = np.random.default_rng(0)
    x = draw.integers(0, 256, size=(60, 16)).astype(np.float32)
    x[3] = 0.0
    given = Rows(x, Classes("y", 2), torch.from_numpy((x[:, 3] > 128).astype(np.int64)), image=(1, 4, 4))
    assert distance(rival(name, given), x) < 1e-4


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_convolutional_networks(kind: str) -> None:
    draw = np.random.default_rng(0)
    x = draw.integers(0, 256, size=(30, 3 * 37 * 10)).astype(np.float32)
    y = torch.from_numpy(x[:, :40].mean(1))
    task = Regression.fit("y", y) if kind == "numbers" else Classes("y", 2)
    given = Rows(x, task, y if kind == "numbers" else (y > y.median()).long(), image=(3, 37, 10))
    assert distance(ConvCandidate("convnet", {"rate": 0.02}, 3).train(given, given.labelled, 0), x) < 1e-4


@pytest.mark.parametrize("channels", [1, 3])
def test_features_of_images(channels: int) -> None:
    draw = np.random.default_rng(0)
    x = draw.integers(0, 256, size=(30, channels * 17 * 14)).astype(np.float32)
    x[3] = 7.0
    given = Rows(
        x, Classes("y", 2), torch.from_numpy((x[:, 3] > 128).astype(np.int64)), image=(channels, 17, 14)
    )
    for name, bases in featured_candidates(given, 1, 0, process_candidates(given, print)).items():
        assert distance(bases[0].train(given, given.labelled, 0), x) < 1e-4, name


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_converter_writes_right_is_refused_by_name(name: str) -> None:
    with pytest.raises(UnsupportedError, match=f"{name} cannot be written as ONNX"):
        committee_onnx(rival(name, rows()), [5])
