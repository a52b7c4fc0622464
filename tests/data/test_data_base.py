"""What a data set refuses, and what it says of itself."""

import pytest
import torch
from data_files import dataset

from auxin.data import Dataset
from auxin.data.reading.content import digests, marks
from auxin.errors import DataError
from auxin.tasks.classes import Classes
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression


def make(x=None, **changes):
    x = torch.zeros(4, 3) if x is None else x
    arguments = {
        "name": "made",
        "x": x,
        "tasks": {"y": Classes("y", 2), "z": Classes("z", 3)},
        "y": {"y": torch.tensor([0, 1, -1, 1]), "z": torch.tensor([0, 1, 2, -1])},
        "main": "y",
        "official_test": torch.zeros(len(x), dtype=torch.bool),
    }
    return Dataset(**{**arguments, **changes})


def bad_x(value, row, column):
    x = torch.zeros(4, 3)
    x[row, column] = value
    return x


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x": bad_x(torch.nan, 2, 1)}, ["NaN or infinity", "nan at row 2, column 1", "Fill in"]),
        ({"x": bad_x(-torch.inf, 0, 2)}, ["-inf at row 0, column 2"]),
        (
            {"x": torch.zeros(4, 3, dtype=torch.float64)},
            ["inputs of made", "float32 [N, D]", "float64 [4, 3]"],
        ),
        ({"x": torch.zeros(0, 3)}, ["empty"]),
        ({"x": torch.zeros(5, 3)}, ["target 'y'", "5 values", "[4]"]),
        ({"main": "w"}, ["no main task 'w'", "one of: y, z"]),
        ({"tasks": {"y": Classes("y", 2)}}, ["tasks and the targets of made differ", "['y']", "['y', 'z']"]),
        ({"y": {"y": torch.tensor([0, 1, 2, 1]), "z": torch.zeros(4).long()}}, ["'y'", "0 to 1, or -1"]),
        ({"y": {"y": torch.tensor([0, 1, -2, 1]), "z": torch.zeros(4).long()}}, ["'y'", "-2 to 1"]),
        ({"y": {"y": torch.zeros(4, dtype=torch.int32), "z": torch.zeros(4).long()}}, ["int64", "int32"]),
        ({"official_test": torch.zeros(4)}, ["test rows", "bool [4]", "float32"]),
        ({"parents": {"z": torch.tensor([0, 1, 5])}}, ["parents", "0 to 1", "5 in row 2"]),
        ({"parents": {"z": torch.tensor([1, 1, 0])}}, ["contradict the hierarchy", "main class 0 in row 0"]),
        ({"parents": {"z": torch.tensor([0, 1])}}, ["'z'", "0 to 1", "2 in row 2"]),
    ],
)
def test_refused(changes, words):
    with pytest.raises(DataError) as error:
        make(**changes)
    for word in words:
        assert word in str(error.value)


def test_infinite_real_target():
    tasks, y = {"y": Regression("y")}, {"y": torch.tensor([0.0, torch.inf, 1.0, torch.nan])}
    with pytest.raises(DataError):
        make(tasks=tasks, y=y)


def test_ordered_classes_reach_their_last_class():
    assert len(make(tasks={"y": Ordered("y", 3)}, y={"y": torch.tensor([0, 1, 2, -1])})) == 4


def test_says_what_it_is():
    assert str(make()) == "made: 4 rows of 3, main task y (2), auxiliary tasks: z (3)"
    assert (
        make(tasks={"y": Classes("y", 2, label_names=["a", "b"]), "z": Classes("z", 3)}).class_name(1)
        == "1 ('b')"
    )
    assert make().class_name(1) == "1"
    assert make().has_main().tolist() == [True, True, False, True]


def test_units_of_real_tasks_come_from_the_given_rows_alone():
    tasks, y = {"y": Regression("y", loss="pseudo_huber")}, {"y": torch.tensor([1.0, 3.0, 900.0, torch.nan])}
    fitted = make(tasks=tasks, y=y).fitted(torch.tensor([0, 1, 3])).tasks["y"]
    assert (fitted.mean, fitted.scale, fitted.kind) == (2.0, 1.0, "pseudo_huber")
    assert make().fitted(torch.tensor([0])).tasks["y"].width == 2


def test_content_hashes_tell_rows_apart_and_nothing_else():
    x = torch.tensor([[0.0, 1.0], [-0.0, 1.0], [1.0, 0.0], [torch.nan, 0.0], [-torch.nan, 0.0]])
    one, two, three, four, five = digests(x, 16)
    assert one == two
    assert four == five
    assert len({one, three, four}) == 3
    assert digests(torch.zeros(1, 4, 1), 16) != digests(torch.zeros(1, 2, 2), 16)
    assert digests(torch.zeros(1, 4), 16) != digests(torch.zeros(1, 4, dtype=torch.uint8), 16)
    assert digests(x[:1].t().contiguous().t(), 16) == digests(x[:1], 16)


def test_marks_hold_input_main_label_and_other_labels_in_that_order():
    x, main, other = torch.zeros(3, 2), torch.tensor([0, 0, 1]), torch.tensor([0, 1, 0])
    a, b, c = marks(x, main, [other])
    assert a[:16] == b[:16] == c[:16]
    assert a[16:24] == b[16:24] != c[16:24]
    assert a[24:] == c[24:] != b[24:]
    assert dataset().marks == dataset().marks
    assert len(set(dataset().marks)) == 120
