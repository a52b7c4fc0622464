"""Every rival learns what it says it can, and predicts as a head would."""

import subprocess
import sys

import numpy as np
import pytest
import skops.io
import torch
from sklearn.cluster import KMeans

from auxin import catalogue, rivals
from auxin.errors import ConfigError, DataError
from auxin.rivals import InputShape
from auxin.tasks.classes import Classes
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression

NAMES = [name for name in catalogue.names("rivals") if name not in ("catboost", "pretrained_linear")]


def made(seed: int = 0, rows: int = 90) -> tuple[np.ndarray, torch.Tensor]:
    """Inputs with gaps and a number that depends on the first two columns."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, 4))
    z = torch.from_numpy(x[:, 0] + 0.5 * x[:, 1])
    x[draw.random(x.shape) < 0.02] = np.nan
    return x, z


def try_one(name: str, task, y: torch.Tensor, x: np.ndarray) -> torch.Tensor:
    shape = InputShape.of(x, len(x), rivals.count_of(task) if rivals.kind_of(task) == "classes" else 0)
    options = catalogue.load("rivals", name).tries(rivals.kind_of(task), shape)[0]
    return rivals.fit(name, task, x, y, shape, 0, options).outputs(x)


@pytest.mark.parametrize("name", NAMES)
def test_classes_are_learned(name: str) -> None:
    task = Classes("y", 3)
    if rivals.why_not(name, task):
        pytest.skip(rivals.why_not(name, task))
    x, z = made()
    y = torch.bucketize(z, torch.tensor([-0.5, 0.5], dtype=torch.float64))
    known = y.clone()
    known[60:] = -1
    found = try_one(name, task, known, x)
    assert found.shape == (90, 3)
    assert torch.allclose(found.exp().sum(1), torch.ones(90, dtype=torch.float64))
    assert task.score(found[60:], y[60:], "accuracy") > 0.55


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_learned_in_units_of_the_task(name: str) -> None:
    x, z = made()
    y = 100 + 20 * z
    task = Regression.fit("y", y[:60])
    if rivals.why_not(name, task):
        pytest.skip(rivals.why_not(name, task))
    known = y.clone()
    known[60:] = torch.nan
    found = try_one(name, task, known, x)
    assert found.shape == (90, 1)
    assert task.score(found[60:], y[60:], "r2") > 0.4


def test_a_class_without_a_training_row_has_the_least_probability() -> None:
    x, z = made()
    task = Classes("y", 4)
    y = torch.where(z > 0, 3, 1)
    p = task.probabilities(try_one("logistic", task, y, x))
    assert float(p[:, [0, 2]].max()) < 1e-5
    assert task.score(p.log(), y, "accuracy") > 0.9


def test_one_class_alone_is_a_constant() -> None:
    x, _ = made()
    task = Classes("y", 2)
    p = task.probabilities(try_one("logistic", task, torch.ones(90, dtype=torch.long), x))
    assert float(p[:, 1].min()) > 0.999


def test_ordered_classes_keep_their_probabilities() -> None:
    x, z = made()
    task = Ordered("y", 3)
    y = torch.bucketize(z, torch.tensor([-0.5, 0.5], dtype=torch.float64))
    plain = try_one("random_forest", Classes("y", 3), y, x).softmax(1)
    assert torch.allclose(task.probabilities(try_one("random_forest", task, y, x)), plain, atol=1e-5)


def test_attributes_are_learned_one_by_one() -> None:
    x, z = made()
    task = Multilabel("y", 3)
    y = torch.stack([(z > 0).float(), (z < 0.3).float(), torch.zeros(90)], 1)
    y[5, 0] = torch.nan
    found = try_one("random_forest", task, y, x)
    assert task.score(found, y, "accuracy") > 0.95
    assert rivals.why_not("label_spreading", task) is not None


def test_unlabelled_rows_teach() -> None:
    draw = np.random.default_rng(1)
    angle = draw.uniform(0, np.pi, 200)
    truth = torch.arange(200) // 100  # two interlocking half circles
    x = np.stack([np.cos(angle) + truth.numpy(), np.sin(angle) * np.where(truth == 0, 1, -1)], 1)
    y = torch.full((200,), -1)
    y[::20] = truth[::20]
    task = Classes("y", 2)
    scores = {
        name: task.score(try_one(name, task, y, x), truth, "accuracy")
        for name in ("label_spreading", "logistic")
    }
    assert scores["label_spreading"] > max(0.95, scores["logistic"] + 0.05)


def test_weights_count_rows() -> None:
    x, z = made()
    task = Regression("y")
    y, shape = z.clone(), InputShape.of(x, 90)
    y[45:] = 1000.0
    weights = np.where(np.arange(90) < 45, 1.0, 0.0)
    found = rivals.fit("ridge", task, x, y, shape, 0, {"alpha": 0.1}, weights).outputs(x)[:, 0]
    assert float((found[:45] - z[:45]).abs().mean()) < 0.3
    with pytest.raises(ConfigError, match="cannot be weighted"):
        rivals.fit("stacking", task, x, y, shape, 0, {}, weights)


def test_a_process_of_many_rows_is_refused() -> None:
    x, y = np.zeros((1001, 2)), torch.arange(1001.0)
    with pytest.raises(ConfigError, match="at most 1,000 labelled rows, and there are 1,001"):
        rivals.fit("gaussian_process", Regression.fit("y", y), x, y, InputShape.of(x, 1001), 0, {})


def test_word_counts_are_given_length_one() -> None:
    counts = np.zeros((50, 150))
    counts[np.arange(50), np.arange(50)] = 7.0
    counts[:, 149] = np.linspace(1, 1000, 50)
    shape = InputShape.of(counts, 50, 2)
    assert shape.dense == (149,)
    task = Classes("y", 2)
    fitted = rivals.fit("logistic", task, counts, torch.arange(50) % 2, shape, 0, {"C": 10.0})
    scaled = fitted.estimators[0][:-1].transform(counts)
    assert np.allclose(np.abs(scaled[:, :149]).sum(1)[:49], 1.0)
    assert abs(scaled[:, 149].std() - 1) < 1e-6


def test_pixels_keep_one_unit_and_images_get_length_one() -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(1, 256, size=(60, 9)).astype(float)
    pixels[:, 0] = pixels[:, 0] > 128  # a pixel at the margin, which hardly varies
    shape, y = InputShape(60, 9, 2, image=(1, 3, 3)), torch.arange(60) % 2
    found = (
        rivals.fit("svc", Classes("y", 2), pixels, y, shape, 0, {"C": 1.0})
        .estimators[0][:-1]
        .transform(pixels)
    )
    unit = pixels / np.linalg.norm(pixels, axis=1, keepdims=True)
    assert np.allclose(found, (unit - unit.mean(0)) / np.sqrt(unit.var(0).mean()))
    numbers = rivals.fit("ridge", Regression("y"), pixels, y.double(), shape, 0, {"alpha": 1.0})
    kept = numbers.estimators[0][:-1].transform(pixels)
    assert np.allclose(kept, (pixels - pixels.mean(0)) / np.sqrt(pixels.var(0).mean()))
    again = rivals.restore(rivals.dump(numbers.estimators), "it")
    assert np.array_equal(again[0][:-1].transform(pixels), kept)


@pytest.mark.parametrize("classes", [2, 3, 0])
@pytest.mark.parametrize("name", NAMES)
def test_a_saved_rival_predicts_the_same(name: str, classes: int) -> None:
    x, z = made()
    task = Classes("y", classes) if classes else Regression("y")
    if rivals.why_not(name, task):
        pytest.skip(rivals.why_not(name, task))
    edges = torch.linspace(-0.5, 0.5, max(classes - 1, 0), dtype=torch.float64)
    y = torch.bucketize(z, edges) if classes else z
    shape = InputShape.of(x, 90, classes)
    options = catalogue.load("rivals", name).tries(rivals.kind_of(task), shape)[0]
    fitted = rivals.fit(name, task, x, y, shape, 0, options)
    again = rivals.Fitted(name, task, rivals.restore(rivals.dump(fitted.estimators), "it"), shape)
    assert torch.equal(again.outputs(x), fitted.outputs(x))


@pytest.mark.parametrize("name", ["extra_trees", "random_forest"])
@pytest.mark.parametrize("classes", [2, 3, 0])
def test_a_forest_as_arrays_is_scikit_learns_bit_for_bit(name: str, classes: int) -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(120, 4)).round(1).astype(np.float32)
    y = draw.integers(classes, size=120) * 2 if classes else x[:, 0] + draw.normal(size=120)
    rival = catalogue.load("rivals", name)
    shape = InputShape(120, 4, classes)
    weights, more = draw.random(120), draw.normal(size=(50, 4)).astype(np.float32)
    peer = rival.build("classes" if classes else "regression", shape, 0).fit(
        x, y, model__sample_weight=weights
    )
    ours = rival.trained(peer)
    assert np.array_equal(ours.predict(more), peer.predict(more))
    if classes:
        assert np.array_equal(ours.predict_proba(more), peer.predict_proba(more))
        assert ours.classes_.tolist() == peer.classes_.tolist()


def test_skops_stays_as_it_is_for_the_rest_of_the_program() -> None:
    before = skops.io
    content = rivals.dump((KMeans(n_clusters=2, n_init=1).fit(np.eye(4)),))
    assert sys.modules["skops.io"] is before
    assert skops.io.get_untrusted_types(data=content) == []


def test_a_file_with_another_type_is_refused() -> None:
    content = skops.io.dumps([subprocess.Popen])
    with pytest.raises(DataError, match=r"contains types .*subprocess\.Popen"):
        rivals.restore(content, "estimator.skops")
    with pytest.raises(DataError, match=r"contains types .*sklearn\.cluster"):
        rivals.restore(skops.io.dumps([KMeans()]), "estimator.skops")
    with pytest.raises(DataError, match="damaged"):
        rivals.restore(b"nothing", "estimator.skops")
