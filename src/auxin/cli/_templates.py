"""The texts of `auxin new`: a member of each family that it writes, and its test."""

_COMBINER = '''"""{title}: the main loss plus the mean of the auxiliary losses."""

from auxin.combiners.base import LossCombiner, TaskLosses, number


class {title}(LossCombiner):
    """L = m_0 + scale * (m_1 + ... + m_K) / K, m_k being task k's mean loss over the rows that carry its label.

    Parameters go into `__init__` as `nn.Parameter`; with `trained_by = TrainedBy.HYPERGRADIENT` the meta step trains
    them. A combiner that looks at gradients derives from `GramianCombiner` instead.

    Args:
        count: how many tasks, the main one included.
        scale: the auxiliaries' weight together (`--set combiner.scale=0.3`).
    """

    def __init__(self, count: int, scale: float = 1.0) -> None:
        super().__init__(count)
        self.scale = number("scale", scale)

    def forward(self, losses: TaskLosses):
        """The training loss, a scalar."""
        means = self.check(losses).means()
        return means[0] + self.scale * means[1:].sum() / max(1, self.count - 1)
'''

_COMBINER_TEST = '''"""{title}: its value by hand, missing labels, and one task alone."""

from pathlib import Path

import pytest
import torch

from auxin.combiners import build
from auxin.combiners.base import TaskLosses


@pytest.fixture(autouse=True)
def _found(monkeypatch):
    monkeypatch.setenv("AUXIN_PLUGINS", str(Path(__file__).parent))


def losses(*rows):
    values = torch.tensor(rows)
    return TaskLosses(values.nan_to_num(), ~values.isnan(), ("main", "first", "second")[: values.shape[1]])


def test_the_value_is_what_the_formula_gives():
    assert build("{name}", ["main", "first", "second"], scale=0.5)(losses([1.0, 2.0, 4.0])).item() == 2.5


def test_a_missing_label_takes_no_part():
    missing = losses([1.0, 2.0, float("nan")], [3.0, 2.0, 6.0])
    assert build("{name}", ["main", "first", "second"])(missing).item() == 2.0 + (2.0 + 6.0) / 2


def test_one_task_is_the_main_loss():
    assert build("{name}", ["main"])(losses([1.0], [3.0])).item() == 2.0
'''

_LABELER = '''"""{title}: every sample gets an auxiliary class by the sign of its inputs' mean."""

import torch

from auxin.labelers.base import Labeler


class {title}(Labeler):
    """Two auxiliary classes per primary class.

    With `learned = True` and trainable parameters the meta step trains it.
    """

    def __init__(self, main, hierarchy):
        super().__init__()
        self.main, self.hierarchy, self.classes = main, hierarchy, hierarchy.classes

    @classmethod
    def build(cls, context):
        """The labeler for these data."""
        return cls(context.main, context.hierarchy)

    def forward(self, batch):
        """Targets, [B, K]: each row sums to one over the classes of its primary class, NaN where there is none."""
        own = self.hierarchy.mask(batch.y[self.main]).float()
        second = (batch.x.flatten(1).mean(1) > 0).long().unsqueeze(1)
        targets = own * (own.cumsum(1) - 1 == second)
        return torch.where(targets.sum(1, keepdim=True) > 0, targets, float("nan"))
'''

_LABELER_TEST = '''"""{title}: its targets by hand."""

from pathlib import Path

import torch

from auxin import catalogue
from auxin.math.hierarchy import Hierarchy
from auxin.typing import Batch


def test_the_targets_stay_within_the_primary_class(monkeypatch):
    monkeypatch.setenv("AUXIN_PLUGINS", str(Path(__file__).parent))
    labeler = catalogue.load("labelers", "{name}")("y", Hierarchy((2, 2)))
    batch = Batch(torch.tensor([[-1.0], [1.0], [1.0]]), {{"y": torch.tensor([0, 0, 1])}}, torch.arange(3))
    assert labeler(batch).tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
'''

_RIVAL = '''"""{title}: nearest neighbours on standardised inputs, a control without a network."""

from sklearn.impute import SimpleImputer
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from auxin.rivals.base import Rival


class {title}(Rival):
    """`sklearn.neighbors.KNeighborsClassifier` and `KNeighborsRegressor`.

    `tries` lists the options that are compared on the validation rows; `build` takes the same options.
    """

    @classmethod
    def tries(cls, kind, shape):
        """Numbers of neighbours."""
        return [{{"neighbours": 5}}, {{"neighbours": 1}}, {{"neighbours": 15}}]

    @classmethod
    def build(cls, kind, shape, seed, neighbours=5):
        """The estimator, for `kind` "classes" or "regression"."""
        made = KNeighborsClassifier if kind == "classes" else KNeighborsRegressor
        return make_pipeline(SimpleImputer(), StandardScaler(), made(n_neighbors=neighbours))
'''

_RIVAL_TEST = '''"""{title}: it learns what is easy, and its tries are options of `build`."""

from pathlib import Path

import numpy as np
import pytest

from auxin import catalogue
from auxin.rivals import InputShape


@pytest.fixture
def member(monkeypatch):
    monkeypatch.setenv("AUXIN_PLUGINS", str(Path(__file__).parent))
    return catalogue.load("rivals", "{name}")


@pytest.mark.parametrize("kind", ["classes", "regression"])
def test_it_learns_the_sign_of_a_number(member, kind):
    x = np.linspace(-1, 1, 60)[:, None]
    y = (x[:, 0] > 0).astype(int)
    for options in member.tries(kind, InputShape(60, 1, 2)):
        fitted = member.build(kind, InputShape(60, 1, 2), 0, **options).fit(x, y)
        assert fitted.score(x, y) > 0.9
'''

_PRETEXT = '''"""{title}: which half of the values of an input is set to zero?"""

import torch

from auxin.pretexts.base import Pretext
from auxin.tasks.classes import Classes


class {title}(Pretext):
    """One half of the values, in their order, is set to zero; its number, 0 or 1, is the label."""

    def __init__(self):
        self.task = Classes("{name}", 2)

    @classmethod
    def build(cls, shape):
        """The pretext for inputs of any shape; raise `auxin.errors.ConfigError` where it cannot be made."""
        return cls()

    def __call__(self, x, generator):
        """Inputs [B, ...] to changed inputs and labels [B]."""
        half = torch.randint(2, (len(x),), generator=generator, device=x.device)
        flat = x.flatten(1).clone()
        second = torch.arange(flat.shape[1], device=x.device) >= flat.shape[1] // 2
        flat[second == half.bool().unsqueeze(1)] = 0.0
        return flat.reshape(x.shape), half
'''

_PRETEXT_TEST = '''"""{title}: the half that is named is the half that is zero."""

from pathlib import Path

import torch

from auxin import catalogue


def test_the_label_names_the_half_that_is_zero(monkeypatch):
    monkeypatch.setenv("AUXIN_PLUGINS", str(Path(__file__).parent))
    pretext = catalogue.load("pretexts", "{name}").build((4,))
    changed, half = pretext(torch.ones(50, 4), torch.Generator().manual_seed(0))
    assert half.unique().tolist() == [0, 1]
    for row, label in zip(changed, half, strict=True):
        assert row.tolist() == ([0, 0, 1, 1] if label == 0 else [1, 1, 0, 0])
'''

TEMPLATES = {
    "combiner": (_COMBINER, _COMBINER_TEST),
    "labeler": (_LABELER, _LABELER_TEST),
    "rival": (_RIVAL, _RIVAL_TEST),
    "pretext": (_PRETEXT, _PRETEXT_TEST),
}
