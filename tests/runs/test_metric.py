"""The user's metric: names, cost matrices, guesses; weighted metrics against the tasks' own on repeated rows."""

import numpy as np
import pytest
import torch

from auxin.errors import ConfigError, RunError
from auxin.judging.weighted import Resamples, row_weights, weighted
from auxin.runs.gather import predictions_of, row_shares
from auxin.runs.metric import guess, settle
from auxin.runs.predictions import read_predictions, write_predictions
from auxin.tasks.classes import Classes
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.dense_regression import DenseRegression
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression
from auxin.tasks.vector import Vector

COSTS = "cost=0,1,2;5,0,1;9,3,0"


def holes(values, share=0.2):
    return torch.where(torch.rand(values.shape) < share, torch.nan, values)


def case(kind):
    """A task with random outputs and targets on 60 rows."""
    torch.manual_seed(0)
    n = 60
    label = torch.randint(3, (n,))
    if kind == "classes":
        return Classes("t", 3), torch.randn(n, 3).round(decimals=1) + torch.eye(3)[label], label
    if kind == "ordered":
        return Ordered("t", 3), torch.randn(n, 2), label
    if kind == "regression":
        y = torch.randn(n) * 3 + 100
        return Regression("t", mean=100.0, scale=3.0), ((y - 100) / 3 + torch.randn(n))[:, None], y
    if kind == "vector":
        return Vector("t", 2), torch.randn(n, 2), holes(torch.randn(n, 2))
    if kind == "multilabel":
        y = holes((torch.rand(n, 4) < 0.4).float())
        return Multilabel("t", 4), torch.randn(n, 4).round(decimals=1), y
    if kind == "dense_classes":
        y = torch.randint(-1, 3, (n, 4, 5))
        return DenseClasses("t", 3), torch.randn(n, 3, 4, 5), y
    y = torch.randn(n, 2, 4, 5)
    y[:, :, 0, 0] = torch.nan
    return DenseRegression("t", 2), torch.randn(n, 2, 4, 5) + 0.5 * y.nan_to_num(), y


KINDS = ("classes", "ordered", "regression", "vector", "multilabel", "dense_classes", "dense_regression")
PAIRS = [
    (kind, metric)
    for kind in KINDS
    for metric in [*case(kind)[0].metrics, *([COSTS] if kind in ("classes", "ordered") else [])]
]


@pytest.mark.parametrize(("kind", "metric"), PAIRS)
def test_every_metric_of_every_task_can_be_resampled(kind, metric):
    task, output, target = case(kind)
    shares = row_shares(task, output, target, metric)
    weights = row_weights(len(target), 5, seed=3)
    weights[0] = 1
    expected = []
    for row in weights:
        rows = torch.from_numpy(np.repeat(np.arange(len(target)), row.astype(int)))
        expected.append(task.score(output[rows], target[rows], metric))
    if shares:
        found = weights @ np.array(shares) / weights.sum(1)
    else:
        found = weighted(metric, predictions_of(task, output, target, metric), weights)
    if metric != "top3":  # with three classes it is always 1
        assert len(set(np.round(expected, 12))) > 1
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_the_pairs_are_those_that_there_are():
    assert len(PAIRS) == 7 + 5 + 3 * 3 + 5 + 3


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_are_read_back(kind, tmp_path):
    task, output, target = case(kind)
    made = predictions_of(task, output, target, task.metrics[0])
    write_predictions(tmp_path / "p.npz", made)
    found = read_predictions(tmp_path / "p.npz")
    assert (found.kind, found.names) == (made.kind, made.names)
    for name in ("true", "predicted", "right", "table", "scores"):
        np.testing.assert_array_equal(getattr(found, name), getattr(made, name))
    assert read_predictions(tmp_path / "absent.npz") is None
    (tmp_path / "p.npz").write_bytes(b"PK nonsense")
    with pytest.raises(RunError, match=r"p\.npz is not usable"):
        read_predictions(tmp_path / "p.npz")


def test_the_interval_over_rows_is_the_plain_bootstrap_s():
    task, output, target = case("classes")
    worse = output + torch.randn(output.shape)
    made = {(name, 0): predictions_of(task, o, target, "f1") for name, o in (("a", output), ("b", worse))}
    low, high = Resamples("f1", made).interval("a", "b", [0])
    generator = np.random.default_rng(1)
    plain = []
    for _ in range(1500):
        rows = torch.from_numpy(generator.integers(len(target), size=len(target)))
        plain.append(
            task.score(output[rows], target[rows], "f1") - task.score(worse[rows], target[rows], "f1")
        )
    assert (low, high) == pytest.approx(tuple(np.quantile(plain, [0.025, 0.975])), abs=0.02)
    assert Resamples("f1", made).interval("a", "b", [0, 1]) is None


def test_names_are_settled():
    task = Classes("t", 3)
    assert settle(None, task) == "accuracy"
    assert settle("Macro-F1", task) == "f1"
    assert settle("R^2", Regression("t")) == "r2"
    with pytest.raises(ConfigError, match=r"'r2' does not fit the main task.*accuracy, .*cost=FILE"):
        settle("r2", task)
    with pytest.raises(ConfigError, match="needs a classification main task"):
        settle("cost=a.csv", Regression("t"))


def test_a_cost_matrix_is_read_by_name_in_any_order_or_bare(tmp_path):
    task = Classes("t", 3, label_names=["cat", "dog", "eel"])
    named, bare = tmp_path / "named.csv", tmp_path / "bare.csv"
    named.write_text("true,eel,cat,dog\ndog,1,5,0\ncat,2,0,1\neel,0,9,3\n")
    bare.write_text("0,1,2\n5,0,1\n9,3,0\n")
    assert settle(f"cost={named}", task) == settle(f"cost={bare}", task) == COSTS
    assert settle(COSTS, task) == COSTS
    said, true = torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 2, 0])
    assert task.score(torch.eye(3)[said], true, COSTS) == pytest.approx(-(0 + 5 + 3 + 2) / 4)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0,1\n1,0\n", "does not name the classes"),
        ("0,1,2\n5,0,x\n9,3,0\n", "is invalid"),
        ("0,1,2\n5,0,nan\n9,3,0\n", "not finite"),
        ("", "cannot be read"),
        ("t,cat,dog,cow\ncat,0,1,2\ndog,1,0,1\ncow,1,1,0\n", "does not name the classes"),
    ],
)
def test_a_bad_cost_matrix_is_refused(text, says, tmp_path):
    file = tmp_path / "costs.csv"
    file.write_text(text)
    with pytest.raises(ConfigError, match=says):
        settle(f"cost={file}", Classes("t", 3, label_names=["cat", "dog", "eel"]))
    with pytest.raises(ConfigError, match="cannot be read"):
        settle(f"cost={tmp_path / 'absent.csv'}", Classes("t", 3))


def test_a_guess_of_attributes_and_ordered_classes_is_the_best_constant():
    attributes = torch.tensor([[1, 0, 1], [1, 0, 0], [1, 1, 0], [1, torch.nan, 0]])
    every = Multilabel("t", 3)
    assert guess(every, "accuracy", attributes) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert guess(every, "f1", attributes) == pytest.approx((1 + 1 / 2 + 2 / 5) / 3)  # yes to all
    assert guess(every, "hit", attributes) == 1.0  # the first attribute, which every row has
    stars = torch.tensor([0, 0, 1, 1, 1, 4, -1])
    assert guess(Ordered("t", 5), "mae", stars) == pytest.approx(-5 / 6)  # always 1
    squares = "cost=" + ";".join(",".join(str((i - j) ** 2) for j in range(5)) for i in range(5))
    assert guess(Ordered("t", 5), squares, stars) == pytest.approx(-11 / 6)
    assert guess(Ordered("t", 5), "log_loss", stars) == pytest.approx(-np.log(5))


def test_a_guess_scores_like_one():
    target = torch.tensor([0, 0, 0, 1])
    assert guess(Classes("t", 2), "accuracy", target) == 0.5
    assert guess(Classes("t", 2), "auc", target) == pytest.approx(0.5)
    assert guess(Classes("t", 2), "cost=0,1;10,0", target) == pytest.approx(-0.75)
    assert guess(Regression("t", mean=2.0, scale=3.0), "mae", torch.tensor([1.0, 2.0])) == pytest.approx(-0.5)
    assert guess(DenseClasses("t", 2), "miou", target[:, None, None]) == pytest.approx(0.375)
