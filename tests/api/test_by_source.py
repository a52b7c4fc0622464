"""A weight per source of rows: the tasks that `by_source` makes, and a loop that learns from them."""

import pickle

import pytest
import torch
from torch.nn.functional import cross_entropy

import auxin
from auxin.errors import ConfigError, DataError

NAMES = ["own", "good", "bad"]


@pytest.mark.parametrize("column", [["bad", "own", "good", "bad"], torch.tensor([2, 0, 1, 2]), [2, 0, 1, 2]])
def test_every_row_is_its_sources_alone(column):
    targets = auxin.by_source("y", "source", NAMES)
    found = targets({"y": torch.tensor([5, 6, 7, 8]), "source": column})
    assert {k: v.tolist() for k, v in found.items()} == {
        "own": [-1, 6, -1, -1], "good": [-1, -1, 7, -1], "bad": [5, -1, -1, 8]
    }  # fmt: skip
    numbers = targets({"y": torch.tensor([[0.5, 1.0]] * 4), "source": column})["good"]
    assert numbers.isnan().all(1).tolist() == [True, True, False, True]
    assert auxin.by_source(1, 2, NAMES)((None, torch.tensor([5, 6, 7, 8]), column))["bad"].tolist() == [
        5,
        -1,
        -1,
        8,
    ]


def test_the_function_can_be_pickled():
    targets, data = (
        auxin.by_source("y", "source", NAMES),
        {"y": torch.tensor([5, 6]), "source": ["bad", "own"]},
    )
    torch.testing.assert_close(pickle.loads(pickle.dumps(targets))(data), targets(data))


def test_a_batch_without_the_column_is_of_the_first_source():
    y = torch.tensor([1, 2])
    assert list(auxin.by_source("y", "source", NAMES)({"y": y})) == ["own"]
    assert list(auxin.by_source(1, 2, NAMES)((None, y))) == ["own"]


def test_unknown_sources_and_names_are_refused():
    with pytest.raises(ConfigError, match="two or more different names"):
        auxin.by_source("y", "source", ["own", "own"])
    for column in (["web"], torch.tensor([3]), torch.tensor([-1])):
        with pytest.raises(DataError, match="A row's source is not known"):
            auxin.by_source("y", "source", NAMES)({"y": torch.tensor([0]), "source": column})


def test_a_source_of_wrong_labels_loses_its_weight():
    torch.manual_seed(0)
    x = torch.randn(240, 4)
    y, source = (x @ torch.randn(4, 3)).argmax(1), torch.arange(240) % 3
    y = torch.where(source == 2, (y + 1) % 3, y)
    net = torch.nn.Linear(4, 3)
    aux = auxin.Auxiliary(
        net, main="own", tasks=dict.fromkeys(NAMES, cross_entropy), every=1, lr=0.2,
        targets=auxin.by_source("y", "source", NAMES),
    )  # fmt: skip
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    held = {"x": x[source == 0], "y": y[source == 0]}
    for rows in torch.randperm(240).split(24) * 3:
        batch = {"x": x[rows], "y": y[rows], "source": source[rows]}
        aux(net(batch["x"]), batch).backward()
        optimizer.step()
        optimizer.zero_grad()
        aux.after_step(optimizer, held)
    assert aux.weights()["good"] > 2 * aux.weights()["bad"]


def test_a_source_with_large_losses_is_not_told_to_scale_targets_that_all_share():
    targets = pickle.loads(pickle.dumps(auxin.by_source("y", "source", NAMES)))
    net = torch.nn.Linear(4, 1)
    tasks = dict.fromkeys(NAMES, lambda out, y: (out[:, 0] - y) ** 2)
    aux = auxin.Auxiliary(net, main="own", tasks=tasks, targets=targets)
    batch = {"x": torch.zeros(3, 4), "y": torch.tensor([1.0, 2.0, 100.0]), "source": NAMES}
    with pytest.warns(
        RuntimeWarning, match=r"of 'bad' is .* that of 'own': its labels have the main ones' unit"
    ):
        aux(net(batch["x"]), batch)
