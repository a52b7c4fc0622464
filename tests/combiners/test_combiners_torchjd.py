"""The adapter to TorchJD, with a stand-in for the library, and the library itself where installed."""

import importlib.util
import sys
from types import ModuleType

import pytest
import torch
from combiner_cases import gradients, random_losses

from auxin.combiners import build
from auxin.combiners.torchjd import square_root
from auxin.errors import ConfigError, UnsupportedError

NAMES = ["t0", "t1", "t2"]


REAL = ["UPGrad", "MGDA", "DualProj", "AlignedMTL", "IMTLG", "PCGrad", "Sum", "Mean"]


class Rows(torch.nn.Module):
    """A weighting: one over each row's norm."""

    def forward(self, matrix):
        return 1 / matrix.norm(dim=1)


class Normalised(torch.nn.Module):
    def __init__(self, factor=1.0):
        super().__init__()
        self.factor, self.weighting = factor, Rows()


class Bargain(Normalised):
    def __init__(self, n_tasks):
        super().__init__(n_tasks)


class Signs(torch.nn.Module):
    """No weighting."""


class Lacking(torch.nn.Module):
    def __init__(self):
        raise ImportError("pip install 'torchjd[lacking]'")


@pytest.fixture
def library(monkeypatch):
    module = ModuleType("torchjd.aggregation")
    for kind in (Normalised, Bargain, Signs, Lacking):
        setattr(module, kind.__name__, kind)
    module.__all__ = ["Normalised", "Bargain", "Signs", "Lacking", "RowsWeighting"]
    package = ModuleType("torchjd")
    package.aggregation = module
    monkeypatch.setitem(sys.modules, "torchjd", package)
    monkeypatch.setitem(sys.modules, "torchjd.aggregation", module)


def test_a_square_root_has_the_same_gramian():
    rows = gradients(3, 9)
    root = square_root(rows @ rows.T)
    torch.testing.assert_close(root @ root.T, rows @ rows.T)


@pytest.mark.usefixtures("library")
def test_weights_come_from_the_library():
    rows = gradients(3, 9)
    combiner = build("torchjd:Normalised", NAMES)
    torch.testing.assert_close(combiner.weights(rows @ rows.T, torch.ones(3)), 3 / rows.norm(dim=1))


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("name", ["normalised", "NORMALISED", "Normalised"])
def test_the_aggregators_name_may_be_written_small(name):
    weights = build(f"torchjd:{name}", NAMES).weights(torch.eye(3), torch.ones(3))
    assert weights.tolist() == [3.0, 3.0, 3.0]


@pytest.mark.usefixtures("library")
def test_the_scale_and_the_options_pass():
    combiner = build("torchjd:Normalised", NAMES, scale=1.0, factor=4.0)
    assert combiner.aggregator == "Normalised"
    assert combiner.weights(torch.eye(3), torch.ones(3)).tolist() == [1.0, 1.0, 1.0]
    assert build("torchjd:Bargain", NAMES).count == 3
    assert build("torchjd:Normalised", ["t0"]).weights(torch.eye(1), torch.ones(1)).tolist() == [1.0]


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("Signs", {}, "not a weighting"),
        ("UPGrat", {}, "Normalised, Bargain"),
        ("Normalised", {"c": 0.4}, "does not take"),
    ],
)
def test_what_does_not_fit_is_refused(name, options, words):
    with pytest.raises(ConfigError, match=words):
        build(f"torchjd:{name}", NAMES, **options)


@pytest.mark.usefixtures("library")
def test_what_the_aggregator_lacks_is_said():
    with pytest.raises(UnsupportedError, match=r"torchjd\[lacking\]"):
        build("torchjd:Lacking", NAMES)


def test_an_absent_library_is_refused_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchjd.aggregation", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'auxin\[torchjd\]'"):
        build("torchjd:UPGrad", NAMES)


@pytest.mark.skipif(importlib.util.find_spec("torchjd") is None, reason="torchjd is not installed")
@pytest.mark.parametrize("name", REAL)
def test_the_real_librarys_direction(name):
    aggregation = importlib.import_module("torchjd.aggregation")
    rows = gradients(3, 9)
    torch.manual_seed(0)
    direction = getattr(aggregation, name)()(rows)
    torch.manual_seed(0)
    weights = build(f"torchjd:{name}", NAMES, scale=1.0).weights(rows @ rows.T, random_losses().means())
    torch.testing.assert_close(weights @ rows, direction, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(importlib.util.find_spec("torchjd") is None, reason="torchjd is not installed")
@pytest.mark.parametrize("name", ["UPGrad", "DualProj"])
def test_short_gradients_have_the_weights_of_long_ones(name):
    rows = torch.tensor([[1.0, 0.0], [-0.8, 0.6], [-0.4, 0.2]], dtype=torch.float64)
    weights = [
        build(f"torchjd:{name}", NAMES).weights(size**2 * rows @ rows.T, random_losses().means())
        for size in (1, 1e-4)
    ]
    torch.testing.assert_close(weights[1], weights[0])
    assert (
        weights[0] - 1
    ).abs().max() > 0.1  # the weights of a plain sum, which TorchJD gives below lengths of .01


@pytest.mark.skipif(importlib.util.find_spec("torchjd") is None, reason="torchjd is not installed")
def test_fairgrad_solves_its_equation():
    rows = gradients(3, 9)
    whole = rows @ rows.T
    weights = build("torchjd:FairGrad", NAMES, alpha=1.0, scale=1.0).weights(whole, random_losses().means())
    torch.testing.assert_close((whole @ weights) * weights, torch.ones(3), rtol=1e-3, atol=1e-3)
