"""What every member of the features family does."""

import pytest
import torch

from auxin import catalogue
from auxin.errors import ConfigError, DataError
from auxin.features.base import Features

NAMES = catalogue.names("features")


def build(name, width=3):
    member = catalogue.load("features", name)
    if name == "raw":
        return member()
    return member(width, hidden=(4,), epochs=2) if name in ("autoencoder", "vae") else member(width)


def rows(seed=0):
    return torch.rand(60, 7, generator=torch.Generator().manual_seed(seed))


def test_the_sweep_sees_the_family():
    assert {"pca", "kmeans", "random", "autoencoder", "vae", "raw"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_shape_seed_and_detachment(name):
    member = build(name)
    assert isinstance(member, Features)
    assert member.fit(rows(), seed=1) is member
    found = member.transform(rows(2))
    assert found.shape == (60, member.width)
    assert torch.isfinite(found).all()
    assert not found.requires_grad
    again = build(name).fit(rows(), seed=1).transform(rows(2))
    assert torch.equal(found, again)


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_mapped_one_by_one(name):
    member = build(name).fit(rows())
    together = member.transform(rows(2))
    torch.testing.assert_close(together[5:6], member.transform(rows(2)[5:6]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_bad_rows_are_refused(name):
    bad = rows()
    bad[3, 2] = torch.nan
    with pytest.raises(DataError, match="missing or infinite"):
        build(name).fit(bad)
    with pytest.raises(DataError):
        build(name).fit(rows()[0])


@pytest.mark.parametrize("name", [n for n in NAMES if n != "raw"])
def test_a_width_below_one_is_refused(name):
    with pytest.raises(ConfigError, match="width"):
        build(name, width=0)
