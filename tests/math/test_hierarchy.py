"""The hierarchy psi."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from auxin.errors import ConfigError
from auxin.math.hierarchy import Hierarchy


def test_figure_2b() -> None:
    psi = Hierarchy((2, 2))
    assert psi.primary == 2
    assert psi.classes == 4
    assert psi.starts() == [0, 2]
    assert psi.parent().tolist() == [0, 0, 1, 1]
    assert psi.mask(torch.tensor([0, 1])).int().tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 100))
def test_masks_partition_the_auxiliary_classes(sizes: list[int], seed: int) -> None:
    psi = Hierarchy(tuple(sizes))
    masks = psi.mask(torch.arange(psi.primary))
    assert masks.dtype == torch.bool
    assert masks.sum(0).tolist() == [1] * psi.classes
    assert masks.sum(1).tolist() == sizes
    for first, size, row in zip(psi.starts(), sizes, masks, strict=True):
        assert row.nonzero().flatten().tolist() == list(range(first, first + size))
    labels = torch.randint(psi.primary, (9,), generator=torch.Generator().manual_seed(seed))
    assert torch.equal(psi.mask(labels), masks[labels])
    assert psi.parent().tolist() == sorted(psi.parent().tolist())


def test_a_missing_main_label_may_use_no_class() -> None:
    assert not bool(Hierarchy((2, 3)).mask(torch.tensor([-1])).any())


@given(st.integers(1, 8), st.integers(0, 30), st.integers(0, 1000))
def test_a_split_is_as_even_as_can_be(primary: int, extra: int, seed: int) -> None:
    psi = Hierarchy.split(primary, primary + extra, seed)
    assert psi.primary == primary
    assert psi.classes == primary + extra
    assert max(psi.sizes) - min(psi.sizes) <= 1
    assert psi == Hierarchy.split(primary, primary + extra, seed)


def test_the_seed_draws_who_gets_one_more() -> None:
    drawn = {Hierarchy.split(6, 8, seed).sizes for seed in range(40)}
    assert len(drawn) > 5
    alike = torch.tensor([Hierarchy.split(6, 8, seed).sizes for seed in range(600)]).float().mean(0)
    assert bool(((alike - 8 / 6).abs() < 0.1).all())


def test_a_split_leaves_torchs_random_state_alone() -> None:
    before = torch.get_rng_state()
    Hierarchy.split(6, 8, 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_psi_as_a_user_writes_it() -> None:
    assert Hierarchy.parse(5, 3) == Hierarchy.uniform(3, 5) == Hierarchy((5, 5, 5))
    assert Hierarchy.parse([1, 2, 3], 3) == Hierarchy((1, 2, 3))
    with pytest.raises(ConfigError, match=r"one number, or 3 numbers.*Found 2 numbers"):
        Hierarchy.parse([5, 5], 3)


@pytest.mark.parametrize("sizes", [(), (0,), (2, -1), (2, 1.5), (2, "3")])
def test_what_is_no_hierarchy_is_refused(sizes: tuple) -> None:
    with pytest.raises(ConfigError, match="psi is not usable"):
        Hierarchy(sizes)


def test_fewer_auxiliary_than_primary_classes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"at least 5 auxiliary classes.*Found 4"):
        Hierarchy.split(5, 4, 0)
