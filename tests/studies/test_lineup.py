"""What is compared where the user names nothing."""

import pytest
import torch

from auxin.data import Dataset
from auxin.studies.lineup import line_up, usual
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression

ROWS = 12


def data(*auxiliaries: str, shape: tuple[int, ...] = (3,), main: str = "classes") -> Dataset:
    """Rows of a main task and auxiliary numbers; `finer` refines the main task."""
    labels = torch.arange(ROWS) % 4
    tasks = {"y": Classes("y", 2) if main == "classes" else Regression("y")}
    y = {"y": labels // 2 if main == "classes" else labels.float()}
    for name in auxiliaries:
        tasks[name] = Classes(name, 4) if name == "finer" else Regression(name)
        y[name] = labels if name == "finer" else labels.float()
    parents = {"finer": torch.tensor([0, 0, 1, 1])} if "finer" in auxiliaries else {}
    x = torch.randn(ROWS, *shape, generator=torch.Generator().manual_seed(0))
    return Dataset("d", x, tasks, y, "y", torch.zeros(ROWS, dtype=torch.bool), parents=parents)


def outside(dataset: Dataset) -> list[str]:
    """The methods for rows without a main label, and the estimators of scikit-learn, that follow."""
    if not isinstance(dataset.tasks["y"], Classes):
        return ["ridge", "svc", "extra_trees", "gradient_boosting"]
    trees = ["extra_trees", *(["gradient_boosting"] if dataset.modality == "vector" else [])]
    return ["fixmatch", "fixmatch_spread", "logistic", "svc", *trees, "label_spreading"]


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (data("a"), ["single", "equal", "gradient_cosine"]),
        (data("a", "b", main="numbers"), ["single", "equal", "softmax", "gradient_cosine"]),
        (data("finer"), ["single", "equal", "gradient_cosine", "given", "maxl_frozen", "maxl"]),
        (data(main="numbers"), ["single", "denoising", "masking"]),
        (data(), ["single", "denoising", "masking", "random", "clusters", "maxl_frozen", "maxl"]),
        (
            data(shape=(1, 8, 8)),
            ["single", "rotation", "random", "clusters", "maxl_frozen", "maxl"],
        ),
        (
            data(shape=(1, 8, 16)),
            ["single", "denoising", "masking", "random", "clusters", "maxl_frozen", "maxl"],
        ),
    ],
)
def test_the_usual_methods_suit_the_data(dataset: Dataset, expected: list[str]) -> None:
    said: list[str] = []
    found = usual(dataset)
    assert found[: len(expected)] == expected
    assert found[len(expected) :] == outside(dataset)
    assert list(line_up(["usual"], dataset, said.append, twins=False).methods) == found
    assert said == []
