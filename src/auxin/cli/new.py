"""Write a new member of a family, and its test, into a folder of your own."""

import keyword
from pathlib import Path
from typing import Annotated

import typer

from auxin import catalogue
from auxin.cli._console import JsonFlag, Output
from auxin.errors import ConfigError, message

_COMBINER = '''"""{title}: the main loss plus the mean of the auxiliary losses."""

from auxin.combiners._base import LossCombiner, TaskLosses, number


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
from auxin.combiners._base import TaskLosses


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

from auxin.labelers._base import Labeler


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

TEMPLATES = {"combiner": (_COMBINER, _COMBINER_TEST), "labeler": (_LABELER, _LABELER_TEST)}


def new(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="What to write: combiner or labeler.", show_default=False)
    ],
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Its name, which is its file's name too.", show_default=False),
    ],
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="The folder that holds your own members.")
    ] = Path("auxin_members"),
    as_json: JsonFlag = False,
) -> None:
    """Write a member that works, and a test that it passes, to start from.

    The member goes to DIR/combiners/NAME.py or DIR/labelers/NAME.py and its test to DIR/test_NAME.py. With
    AUXIN_PLUGINS=DIR in the environment every verb knows the member by its name. Nothing is ever overwritten.
    """
    output = Output(as_json)
    if kind not in TEMPLATES:
        raise ConfigError(
            message(f"No member of kind {kind!r} can be written", expected=" or ".join(TEMPLATES))
        )
    family = f"{kind}s"
    _check(family, name)
    title = "".join(part.capitalize() for part in name.split("_"))
    written = [folder / family / f"{name}.py", folder / f"test_{name}.py"]
    for file in written:
        if file.exists():
            raise ConfigError(message(f"{file} is there already", do="Choose another name or folder"))
    for file, template in zip(written, TEMPLATES[kind], strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(template.format(name=name, title=title), encoding="utf-8")
    output.say(f"Written: {written[0]} and its test, {written[1]}.")
    output.say(f"Test it with: python -m pytest {written[1]}")
    output.say(f"Use it with: AUXIN_PLUGINS={folder} auxin compare --methods single,{name}")
    output.result([str(file) for file in written])


def _check(family: str, name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower() or name.startswith("_"):
        wrong = f"{name!r} cannot be a member's name"
        raise ConfigError(
            message(wrong, expected="lower-case letters, digits and underscores, a letter first")
        )
    if name in catalogue.names(family):
        raise ConfigError(
            message(f"The family {family} has a member {name!r} already", do="Choose another name")
        )
