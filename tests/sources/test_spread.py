"""Label spreading against the closed form and against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import kneighbors_graph

from auxin.errors import DataError
from auxin.sources import SourceInputs
from auxin.sources.spread import spread
from auxin.sources.with_auxiliaries import columns
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression


def test_spreading_is_its_fixed_point() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(40, 3)), np.full(40, -1)
    y[:6] = [0, 1, 2, 0, 1, 2]
    for alpha in (0.2, 0.9):
        graph = kneighbors_graph(x, 5).toarray()
        graph = np.maximum(graph, graph.T)
        scale = np.diag(graph.sum(1) ** -0.5)
        start = np.where((y[:, None] == np.arange(3)) & (y[:, None] >= 0), 1.0, 0.0)
        wanted = (1 - alpha) * np.linalg.solve(np.eye(40) - alpha * scale @ graph @ scale, start)
        wanted /= wanted.sum(1, keepdims=True)
        found = spread(torch.from_numpy(x), torch.from_numpy(y), 3, 5, alpha).numpy()
        assert np.abs(found - wanted).max() < 2e-5


def test_a_row_that_no_label_reaches_has_no_guess() -> None:
    x = torch.tensor([[0.0], [0.1], [0.2], [90.0], [90.1], [90.2]], dtype=torch.float64)
    found = spread(x, torch.tensor([0, -1, 1, -1, -1, -1]), 2, 2, 0.5)
    assert found.isnan().all(1).tolist() == [False, False, False, True, True, True]
    with pytest.raises(DataError):
        spread(x, torch.full((6,), -1), 2, 2, 0.5)


def test_auxiliary_labels_become_columns_with_their_gaps_marked() -> None:
    tasks = {"kind": Classes("kind", 3), "size": Regression("size")}
    kinds, sizes = torch.tensor([2, -1, 0]), torch.tensor([1.0, float("nan"), 3.0])
    rows = SourceInputs(torch.zeros(3, 1), torch.tensor([0, 1, -1]), 2, {"kind": kinds, "size": sizes}, tasks)
    one_hot, values, gaps = columns(rows)
    assert one_hot.tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    assert values.ravel().tolist() == [1.0, 2.0, 3.0]
    assert gaps.ravel().tolist() == [0, 1, 0]
