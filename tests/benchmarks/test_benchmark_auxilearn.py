"""The cost benchmark runs tiny, and its ratios are of what it says."""

import importlib.util
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "auxilearn.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("benchmark_auxilearn", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["benchmark_auxilearn"] = module
    spec.loader.exec_module(module)
    return module


def test_a_tiny_run_prints_both_tables(bench, capsys):
    bench.main(["--network", "conv4", "--width", "2", "--batch", "4", "--meta", "4", "--rounds", "1"])
    said = capsys.readouterr().out
    assert said.count("| look-ahead |") == 2
    assert "Given auxiliaries: conv4, width 2, batch 4, meta batch 4" in said


def test_a_period_is_25_training_steps_and_one_meta_step(bench):
    found = {"equal": [1.0, 1.0], "train": [1.1, 1.1]} | {name: [5.0, 10.0] for name in bench.estimators()}
    rows = bench.periods(found, ["equal"])
    assert len(rows) == len(bench.estimators())
    assert all(ratio == pytest.approx((25 * 1.1 + 7.5) / 25) for _, _, _, ratio in rows)


def test_maxls_double_backward_is_the_librarys_lookahead(bench):
    """The written-out reference gives the gradients that auxin's one-JVP estimator gives."""
    batch = bench.rows(4, 1)
    made = bench.learner("conv4", 2, "equal", "maxl", bench.Lookahead("forward"))
    made.criterion.labeler.entropy = 0.0
    found = made.estimator.estimate(made.problem, batch, batch, made.inner).gradients
    bench.double_backward(made, batch)
    for parameter, gradient in zip(made.criterion.phi(), found, strict=True):
        assert (parameter.grad - gradient).norm() <= 1e-3 * gradient.norm() + 1e-9
