"""Text beside categories and numbers: neither drowns the other, for linear models, kernels and networks."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.model_selection import cross_val_score

from auxin import catalogue
from auxin.fitting.inputs import Inputs
from auxin.fitting.rows import Rows
from auxin.rivals import InputShape
from auxin.tasks.classes import Classes

ROWS, WORDS, KINDS = 150, 300, 12


def mixed(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random texts as a table's encoder makes them, of length sqrt(words); categories, which decide y; a big number."""
    draw = np.random.default_rng(seed)
    words = draw.random((ROWS, WORDS)) * (draw.random((ROWS, WORDS)) < 0.05)
    words *= WORDS**0.5 / np.linalg.norm(words, axis=1, keepdims=True).clip(1e-8)
    kind = np.arange(ROWS) % KINDS
    price = 20_000 + 5_000 * draw.normal(size=(ROWS, 1))
    x = np.concatenate([words, np.eye(KINDS)[kind], price], 1).astype(np.float32)
    return x, kind % 2


def test_which_columns_are_words_categories_and_numbers() -> None:
    x, _ = mixed()
    for vectors in (x, csr_matrix(x)):
        shape = InputShape.of(vectors, ROWS, 2)
        assert shape.flags == tuple(range(WORDS, WORDS + KINDS))
        assert shape.dense == (WORDS + KINDS,)
    bag = (x[:, :WORDS] > 0).astype(np.float32)
    assert InputShape.of(bag, ROWS, 2).flags == ()
    assert InputShape.of(bag, ROWS, 2).dense == ()
    gains = np.concatenate([bag, x[:, :3]], 1)  # a few numbers that are mostly zero, among categories
    assert InputShape.of(gains, ROWS, 2).dense == tuple(range(WORDS, WORDS + 3))


@pytest.mark.parametrize("form", [np.asarray, csr_matrix], ids=["array", "compressed"])
@pytest.mark.parametrize("rival", ["logistic", "svc"])
def test_a_category_beside_text_is_seen(rival: str, form) -> None:
    x, y = mixed()
    shape = InputShape.of(form(x), ROWS, 2)
    member = catalogue.load("rivals", rival)
    model = member.build("classes", shape, 0, **member.tries("classes", shape)[0])
    assert cross_val_score(model, form(x), y, cv=3).mean() > 0.9


def test_components_for_networks_hold_text_categories_and_numbers() -> None:
    x, y = mixed()
    rows = Rows(x, Classes("y", 2), torch.from_numpy(y))
    found = Inputs.fit(rows).transform(x).double().numpy()
    assert found.shape[1] == 64

    def explained(target: np.ndarray) -> float:
        fitted = np.linalg.lstsq(np.c_[found, np.ones(ROWS)], target, rcond=None)[0]
        rest = target - np.c_[found, np.ones(ROWS)] @ fitted
        return 1 - float(rest.var() / target.var())

    assert explained(x[:, -1].astype(np.float64)) > 0.9  # the number
    assert explained(y.astype(np.float64)) > 0.9  # what the categories say
