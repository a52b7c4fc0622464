"""The estimators' benchmark runs, and what it sets beside one another is the same mathematics."""

import importlib
import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module("estimators")
    del sys.modules["estimators"]


def gap(found, expected) -> float:
    pairs = [(a, b) for a, b in zip(found, expected, strict=True) if b is not None]
    difference = torch.cat([(a - b).flatten() for a, b in pairs]).norm()
    return float(difference / torch.cat([b.flatten() for _, b in pairs]).norm())


def test_the_implicit_step_is_that_of_double_backward(bench):
    setup = bench.setup("conv4", 2, 4, 4, torch.float64)
    assert gap(bench.neumann("hessian")(setup), bench.double_backward(setup)) < 1e-11
    assert gap(bench.neumann("gauss_newton")(setup), bench.double_backward(setup)) > 1e-6


@pytest.mark.parametrize("segment", [1, 0])
def test_the_unroll_is_that_of_one_graph(bench, segment):
    setup = bench.setup("conv4", 2, 4, 4, torch.float64)
    assert gap(bench.unrolled(4, segment)(setup), bench.unrolled_on_one_graph(setup, 4)) < 1e-11
    assert gap(bench.unrolled(3, segment)(setup), bench.unrolled_on_one_graph(setup, 4)) > 1e-6


def test_the_exact_step_makes_no_more_passes_than_double_backward(bench):
    setup = bench.setup("vgg16", 2, 4, 4)
    exact, reference = (bench.flops(way, setup) for way in (bench.neumann("hessian"), bench.double_backward))
    assert exact < 1.02 * reference
    bench.neumann("gauss_newton")(setup)  # forward mode is compared with the backward pass once
    assert bench.flops(bench.neumann("gauss_newton"), setup) < 0.9 * reference


def test_the_table(bench):
    text = bench.table("conv4", 2, 4, 4, 1)
    assert "meta batch 4" in text
    assert all(f"| {name} |" in text for name in bench.WAYS)


def test_memory_is_counted(bench):
    setup = bench.setup("conv4", 4, 16, 16)
    reference = bench.peak(bench.double_backward, setup)
    assert bench.peak(bench.neumann("hessian"), setup) < 0.95 * reference
    assert bench.peak(bench.neumann("gauss_newton"), setup) < 0.7 * reference
