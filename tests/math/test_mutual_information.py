"""Mutual information against its definition, and its bounds."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from auxin.math.mutual_information import entropy, joint, mutual_information


def drawn(n, classes, seed):
    logits = torch.randn(n, classes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return (3 * logits).softmax(1)


@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 5), st.integers(0, 10**6))
def test_it_is_the_divergence_from_independence_and_within_its_bounds(n, j, k, seed):
    p = joint(drawn(n, j, seed), drawn(n, k, seed + 1))
    assert p.sum().item() == pytest.approx(1.0)
    independent = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    expected = (p * (p / independent).log()).sum().item()
    found = mutual_information(p).item()
    assert found == pytest.approx(max(expected, 0.0), abs=1e-12)
    assert found <= min(entropy(p.sum(1)), entropy(p.sum(0))).item() + 1e-12


def test_zeros_are_no_trouble():
    assert mutual_information(torch.tensor([[1.0, 0.0], [0.0, 0.0]])).item() == 0
    assert entropy(torch.tensor([0.25, 0.75, 0.0])).item() == pytest.approx(
        0.25 * math.log(4) + 0.75 * math.log(4 / 3), abs=1e-6
    )
