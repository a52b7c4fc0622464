"""What every source of soft labels promises."""

import pytest
import torch
from torch import Tensor

from auxin import catalogue
from auxin.errors import ConfigError
from auxin.sources import Source, SourceInputs
from auxin.tasks.classes import Classes

NAMES = catalogue.names("sources")
each = pytest.mark.parametrize("name", NAMES)


def known(hidden: int = 30) -> SourceInputs:
    """Three groups of points, most of their labels hidden; an auxiliary label that is the main one's."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(3).repeat(20)
    x = torch.eye(3)[labels] * 6 + torch.randn(60, 3, generator=draw)
    y = labels.clone()
    y[60 - hidden :] = -1
    return SourceInputs(x.unsqueeze(2), y, 4, {"aux": labels}, {"aux": Classes("aux", 3)}, 7)


def guess(name: str, rows: SourceInputs) -> Tensor:
    source: Source = catalogue.load("sources", name)()
    features = rows.x.flatten(1)
    outputs = torch.cat([features, torch.full((len(features), 1), -9.0)], 1)
    return source.guess(rows, features, outputs) if source.follows else source.guess(rows)


def test_the_sweep_sees_every_source() -> None:
    assert {"spread", "features", "network", "logistic", "forest", "with_auxiliaries"} <= set(NAMES)


@each
def test_guesses_are_distributions_over_all_classes_and_good_ones(name: str) -> None:
    rows = known()
    found = guess(name, rows)
    assert found.shape == (60, 4)
    assert found.dtype == torch.float32
    assert bool((found >= 0).all())
    assert torch.allclose(found.sum(1), torch.ones(60), atol=1e-5)
    truth = rows.auxiliaries["aux"]
    assert float((found.argmax(1) == truth)[rows.y < 0].float().mean()) > 0.9


@each
def test_a_hidden_label_is_not_read_and_the_same_seed_says_the_same(name: str) -> None:
    rows = known(hidden=45)
    everything = known(hidden=0)
    hidden = torch.arange(60) >= 15
    assert torch.equal(guess(name, rows), guess(name, everything.without(hidden)))


@each
def test_a_source_that_needs_something_says_so(name: str) -> None:
    member = catalogue.load("sources", name)
    plain = SourceInputs(known().x, known().y, 4)
    assert (member.why_not(plain) is not None) == member.needs_auxiliaries
    if member.follows:
        with pytest.raises(ConfigError):
            member().guess(plain)
