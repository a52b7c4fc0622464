"""The GPU benchmark runs tiny on a CPU, and its numbers are of what it says."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("benchmark_gpu", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["benchmark_gpu"] = module
    spec.loader.exec_module(module)
    return module


def test_a_tiny_run_writes_its_report(bench, tmp_path):
    ways = [bench.AGAIN, "bfloat16", "float32, double backward", "float32, finite difference"]
    bench.main(["--tiny", "--device", "cpu", "--out", str(tmp_path), "--steps", "1", "--ways", *ways])
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert set(found["ways"]) == {bench.BASE, *ways}
    assert [way.get("error") for way in found["ways"].values()] == [None] * 5
    base = found["ways"][bench.BASE]
    assert base["minutes for 200 epochs"] == pytest.approx(base["seconds"]["pair"] * 500 * 200 / 60)
    off = {name: bench.deviation(way["losses"], base["losses"]) for name, way in found["ways"].items()}
    assert off[bench.AGAIN]["max"] == 0
    assert off["float32, double backward"]["max"] < 1e-3
    assert 0 < off["bfloat16"]["max"] < 0.2
    text = (tmp_path / "gpu.md").read_text()
    assert all(f"| {name} |" in text for name in ways)
    assert "extrapolated" in text


def test_counted_work(bench):
    dataset = bench.synthetic(400)
    work = bench.counted(dataset, bench.TINY, "cpu")
    assert 14 < work["in F"] < 18  # a training step 4F, a meta step 12F
    assert work["bytes"] > 0


def test_a_folder_is_asked_for(bench):
    with pytest.raises(SystemExit):
        bench.main([])
