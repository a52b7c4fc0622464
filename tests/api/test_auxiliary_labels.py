"""Labels in every form in which people keep them; losses of shapes that are no losses per sample."""

import math
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from auxin.api.auxiliary import Auxiliary
from auxin.errors import ConfigError, DataError
from auxin.tasks.classes import Classes
from auxin.tasks.dense_classes import DenseClasses
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression
from auxin.tasks.vector import Vector

NAN, T = math.nan, torch.tensor
HARD = T([0, 1, -1, 1, 0, -1])
SOFT = F.one_hot(HARD.clamp(min=0), 2).float()
CLASSES = {
    "floats with NaN": T([0, 1, NAN, 1, 0, NAN]),
    "a list with NaN": [0, 1, NAN, 1, 0, NAN],
    "a list with None": [0, 1, None, 1, 0, None],
    "doubles": HARD.double(),
    "[B, 1]": HARD[:, None],
    "[B, 1] floats": T([[0], [1], [NAN], [1], [0], [NAN]]),
    "bytes": HARD.to(torch.int8),
    "numpy": HARD.numpy(),
    "-100 as missing": torch.where(HARD < 0, -100, HARD),
    "one-hot": torch.where(HARD[:, None] < 0, 0, SOFT.long()),
    "one-hot, -1 as missing": torch.where(HARD[:, None] < 0, -1, SOFT.long()),
    "distributions": torch.where(HARD[:, None] < 0, NAN, SOFT),
}


def loss_of(task, y, output=None):
    """The loss of one task, through a batch."""
    output = torch.arange(12.0).view(6, 2).sin() if output is None else output
    model = nn.Linear(1, 1)
    aux = Auxiliary(model, main="main", tasks={"main": task}, combiner="equal")
    return aux({"main": output}, {"x": torch.zeros(len(output), 1), "main": y})


@pytest.mark.parametrize("form", CLASSES)
def test_class_labels_in_every_form(form):
    expected = loss_of(Classes("main", 2), HARD)
    torch.testing.assert_close(loss_of(Classes("main", 2), CLASSES[form]), expected)


def test_two_classes_as_booleans():
    y = T([True, False, True, True, False, False])
    assert torch.equal(loss_of(Classes("main", 2), y), loss_of(Classes("main", 2), y.long()))


SAME = {
    "ordered": (Ordered("main", 3), T([0.0, 2.0, NAN]), T([0, 2, -1]), (3, 2)),
    "regression [B, 1]": (Regression("main"), T([[1.0], [NAN], [3.0]]), T([1.0, NAN, 3.0]), (3, 1)),
    "regression of integers": (Regression("main"), T([1, 2, 3]), T([1.0, 2.0, 3.0]), (3, 1)),
    "vector of integers": (Vector("main", 2), T([[1, 2], [3, 4]]), T([[1.0, 2.0], [3.0, 4.0]]), (2, 2)),
    "attributes": (Multilabel("main", 2), T([[True, False], [True, True]]), T([[1.0, 0], [1, 1]]), (2, 2)),
    "pixels [B, 1, H, W]": (DenseClasses("main", 2), T([[[[0, 1]]]]), T([[[0, 1]]]), (1, 2, 1, 2)),
    "pixels as floats": (DenseClasses("main", 2), T([[[NAN, 1]]]), T([[[-1, 1]]]), (1, 2, 1, 2)),
}


@pytest.mark.parametrize("kind", SAME)
def test_labels_of_every_kind_of_task(kind):
    task, given, plain, shape = SAME[kind]
    output = torch.arange(float(math.prod(shape))).view(shape).cos()
    torch.testing.assert_close(loss_of(task, given, output), loss_of(task, plain, output))


WRONG = {
    "out of range": (Classes("main", 2), T([0, 1, 2, 1, 0, 1]), "class numbers 0 to 1.*0 to 2"),
    "not whole": (Classes("main", 2), T([0, 1, 0.5, 1, 0, 1]), "not whole, such as 0.5"),
    "infinite": (Classes("main", 2), T([0, 1, math.inf, 1, 0, 1]), "not whole, such as inf"),
    "two hot": (Classes("main", 2), torch.ones(6, 2).long(), "no one-hot rows"),
    "no distribution": (Classes("main", 2), torch.ones(6, 2), "distributions over the classes"),
    "strings": (Classes("main", 2), ["a"] * 6, "labels of task 'main'.*list"),
    "one number": (Classes("main", 2), 1, "labels of task 'main'.*int"),
    "three columns": (Classes("main", 2), torch.zeros(6, 3).long(), r"shape \[B\].*\[6, 3\]"),
    "several numbers": (Regression("main"), torch.zeros(6, 2), r"shape \[B\].*\[6, 2\]"),
    "infinite number": (Regression("main"), T([math.inf] * 6), "finite numbers"),
    "attributes above 1": (Multilabel("main", 2), torch.full((6, 2), 2), "between 0 and 1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_labels_that_a_task_cannot_learn_from(case):
    task, y, words = WRONG[case]
    with pytest.raises(DataError, match=words):
        loss_of(task, y)


# ------------------------------------------------------------------------------------- losses of one's own


def squared(out, y):
    return (out - y) ** 2


BROADCAST = {
    "[B, 1] less [B]": squared,
    "its mean": lambda out, y: squared(out, y).mean(),
    "its sum": lambda out, y: squared(out, y).sum(),
    "its mean over one dimension": lambda out, y: squared(out, y).mean(0),
    "torch's own": F.mse_loss,
    "several per sample": lambda out, y: squared(out[:, 0], y)[:, None].expand(-1, 4),
    "half of them": lambda out, y: squared(out[:, 0], y)[:3],
}


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("form", BROADCAST)
def test_a_loss_that_broadcasts_is_refused(form, holes):
    y = torch.arange(6.0)
    y[2:4] = NAN if holes else 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of its own
        with pytest.raises(DataError, match=r"losses of 'main' do not fit the batch.*\[[46], 1\].*\[[46]\]"):
            loss_of(BROADCAST[form], y, torch.arange(6.0).cos()[:, None])


RIGHT = {
    "a column": lambda out, y: squared(out[:, 0], y),
    "squeezed": lambda out, y: F.mse_loss(out.squeeze(1), y),
    "lifted": lambda out, y: squared(out, y[:, None]),
    "a scalar": lambda out, y: squared(out[:, 0], y).mean(),
}


@pytest.mark.parametrize("form", RIGHT)
def test_a_loss_that_reads_its_output_is_taken(form):
    y, out = torch.arange(6.0), torch.arange(6.0).cos()[:, None]
    torch.testing.assert_close(loss_of(RIGHT[form], y, out), squared(out[:, 0], y).mean())
    torch.testing.assert_close(loss_of(F.mse_loss, y[:, None], out), squared(out[:, 0], y).mean())


def test_looking_at_a_loss_draws_no_random_numbers():
    def noisy(out, y):
        return squared(out[:, 0] + torch.rand(len(out)), y)

    loss_of(noisy, torch.zeros(6), torch.zeros(6, 1))
    torch.manual_seed(0)
    loss_of(noisy, torch.arange(6.0), torch.zeros(6, 1))
    after = torch.rand(1)
    torch.manual_seed(0)
    nn.Linear(1, 1), torch.rand(6)
    assert torch.equal(after, torch.rand(1))


def test_no_losses_at_all():
    with pytest.raises(ConfigError, match="gives no losses"):
        loss_of(lambda out, y: 0.0, torch.zeros(6))
