"""The look-ahead's benchmark runs, counts what it should, and its variants are the same computation."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

pytestmark = pytest.mark.filterwarnings("ignore:A finite difference is off")  # float32, few channels

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        parts = [
            importlib.import_module(f"_lookahead.{name}")
            for name in ("setup", "variants", "measures", "tables")
        ]
        command = importlib.import_module("lookahead")
        yield SimpleNamespace(main=command.main, **{k: v for part in parts for k, v in vars(part).items()})
    for name in [n for n in sys.modules if n.split(".")[0] in ("_lookahead", "lookahead")]:
        del sys.modules[name]


def test_counted_flops(bench):
    found = bench.flops(2)
    assert 3.5 < found["train_only"] < 4.2
    assert found["fused"] < found["fused_double"] < found["alternation"] < found["alternation_double"]
    assert found["following"] < 0.95 * found["fused"]


PAIRS = [
    ("fused", "fused_double"),
    ("fused", "fused_transposed"),
    ("alternation", "alternation_double"),
    ("following", "following_double"),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_twins_move_everything_alike(bench, pair):
    after = []
    for name in pair:
        setup = bench.Setup(2, 4, torch.float64)
        for _ in range(2):
            bench.VARIANTS[name][2](setup)
        after.append([*setup.weights, *setup.phi])
    start = bench.Setup(2, 4, torch.float64)
    moved = sum(
        float((a - b).detach().norm()) for a, b in zip(after[0], [*start.weights, *start.phi], strict=True)
    )
    gap = sum(float((a - b).detach().norm()) for a, b in zip(*after, strict=True))
    assert gap < 1e-11 * moved


def test_tables(bench):
    seconds = bench.times(2, 4, 1)
    assert set(seconds) == set(bench.VARIANTS)
    mib = dict.fromkeys(bench.VARIANTS, 1.0)
    text = bench.time_table(seconds) + bench.ratio_table(seconds) + bench.memory_table(mib)
    assert text.count("| fused |") == 6
    off = bench.errors(2, 4)
    assert off["one JVP"] < 1e-2
    assert off["one JVP, float64"] < 1e-12


def test_the_command(bench, capsys, monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr(
        sys, "argv", ["lookahead.py", "--width", "2", "--batch", "4", "--rounds", "1", "--only", "flops"]
    )
    bench.main()
    torch.set_num_threads(threads)
    assert "| following_double |" in capsys.readouterr().out


@pytest.mark.slow
def test_peak_memory_is_of_a_process_of_its_own(bench):
    assert 0 < bench.memory_of("fused", 2, 4) < 1000
