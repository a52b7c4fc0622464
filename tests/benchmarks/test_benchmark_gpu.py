"""The GPU benchmark runs tiny on a CPU, and its numbers are of what it says."""

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.filterwarnings("ignore:A finite difference is off")  # float32, few channels

FOLDER = Path(__file__).parents[2] / "benchmarks"
ASKED = [
    "single, float32",
    "MAXL, exact, float32, again",
    "MAXL, exact, bfloat16",
    "MAXL, double backward, float32",
    "MAXL, finite difference, float32",
    "MAXL, finite difference, bfloat16, channels last",
    "AuxiLearn, Hessian, float32",
    "AuxiLearn, Gauss-Newton, float32",
]


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        command = importlib.import_module("gpu")
        names = ("variants", "parts", "floors", "measures", "report")
        parts = {name: importlib.import_module(f"_gpu.{name}") for name in names}
        yield SimpleNamespace(main=command.main, chosen=command.chosen, **parts)
    for name in [n for n in sys.modules if n.split(".")[0] in ("_gpu", "gpu")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def tiny(bench, tmp_path_factory):
    out = tmp_path_factory.mktemp("gpu")
    bench.main(["--tiny", "--device", "cpu", "--out", str(out), "--steps", "1", "--variants", *ASKED])
    return json.loads((out / "gpu.json").read_text())["variants"], (out / "gpu.md").read_text()


def test_every_variant_is_measured_or_says_why_not(bench, tiny):
    found, text = tiny
    assert set(found) == {bench.variants.BASE, *ASKED}
    assert {name: v["error"] for name, v in found.items() if "error" in v}.keys() == {ASKED[5]}
    assert "drowns in rounding" in found[ASKED[5]]["error"]
    assert all(text.count(f"| {name} |") == 3 for name in found if name != ASKED[5])
    assert "extrapolated" in text


def test_the_minutes_are_of_200_epochs(bench, tiny):
    for name in ("MAXL, exact, float32", "AuxiLearn, Hessian, float32", "single, float32"):
        seconds = tiny[0][name]["seconds"]
        every = bench.variants.VARIANTS[name].every
        step = seconds["train"] + seconds["batch"]
        step += (seconds["meta"] + seconds["batch"]) / every if "meta" in seconds else 0
        assert tiny[0][name]["minutes for 200 epochs"] == pytest.approx(step * 500 * 200 / 60)
    assert bench.variants.VARIANTS["AuxiLearn, Hessian, float32"].every == 25


def test_losses_are_those_of_float32(bench, tiny):
    found = tiny[0]
    off = {
        name: bench.measures.deviation(v["losses"], found[bench.variants.VARIANTS[name].base]["losses"])[
            "max"
        ]
        for name, v in found.items()
        if "error" not in v
    }
    assert off["MAXL, exact, float32, again"] == 0
    assert off["MAXL, double backward, float32"] < 1e-3
    assert 0 < off["MAXL, exact, bfloat16"] < 0.2


def test_shares_are_of_the_parts(tiny):
    exact, double = (tiny[0][f"MAXL, {how}, float32"]["shares"] for how in ("exact", "double backward"))
    assert sum(exact.values()) == pytest.approx(1)
    common = {"data and augmentation", "training forward, backward", "gradient at W", "gradient at W+"}
    common |= {"labeler forward", "backward to phi", "optimisers", "the rest"}
    assert set(exact) == common | {"JVP"}
    assert set(double) == common | {"double backward's graph"}
    assert "two probes" in tiny[0]["MAXL, finite difference, float32"]["shares"]
    assert {"gradient v at W", "solver's products"} <= set(tiny[0]["AuxiLearn, Hessian, float32"]["shares"])
    assert set(tiny[0]["single, float32"]["shares"]) <= common
    assert all(share > 0 for v in (exact, double) for share in v.values())


def test_a_parts_time_is_without_that_of_its_parts(bench, monkeypatch):
    ticks = iter(range(100))
    monkeypatch.setattr(bench.parts.time, "perf_counter", lambda: next(ticks))
    marks = bench.parts.Marks("cpu")
    marks.mark()
    with marks.part("outer"), marks.part("inner"):
        pass
    marks.mark()
    assert marks.seconds() == {"the rest": 2, "outer": 2, "inner": 1}


def test_watching_leaves_no_trace(bench, tiny):
    from auxin.hypergradients import lookahead
    from auxin.hypergradients._outer import outer_gradient

    assert lookahead.outer_gradient is outer_gradient


def test_counted_work(tiny):
    work = {name: v["work"] for name, v in tiny[0].items() if "error" not in v}

    def in_forwards(name, of):
        return work[name][of] / work[name]["forward"]

    assert 2.5 < in_forwards("single, float32", "train") < 3
    assert 3.5 < in_forwards("MAXL, exact, float32", "train") < 4
    assert (
        9.5 < in_forwards("MAXL, exact, float32", "meta") < 11
    )  # the JVP takes over the products of the gradient
    assert 10 < in_forwards("MAXL, finite difference, float32", "meta") < 15
    assert in_forwards("MAXL, double backward, float32", "meta") > in_forwards("MAXL, exact, float32", "meta")
    assert 25 < in_forwards("AuxiLearn, Hessian, float32", "meta") < 32
    assert work["single, float32"]["bytes"] < work["AuxiLearn, Hessian, float32"]["bytes"]


def test_what_bounds_a_step(bench):
    variant = bench.variants.VARIANTS["MAXL, exact, float32"]
    rate = {"float32": 1e12, "tf32": 2e12, "bfloat16": 4e12, "bandwidth": 1e12}
    work = {"step": 8e12, "high": 4e12, "bytes": 2e12}
    floor = bench.floors.floors(variant, work, rate)
    assert floor == {"arithmetic": 8, "bandwidth": 2}
    assert bench.floors.bound(variant, 10, 1, floor).startswith("arithmetic")
    assert bench.floors.bound(variant, 1000, 1, floor).startswith("none")
    assert bench.floors.bound(variant, 1000, 2e8, floor).startswith("launches")
    half = bench.variants.VARIANTS["MAXL, exact, bfloat16"]
    assert bench.floors.floors(half, work, rate) == {"arithmetic": 1 + 2, "bandwidth": 1}


def test_what_is_asked_for_comes_with_its_base(bench):
    assert bench.chosen(["AuxiLearn, Gauss-Newton, TF32"]) == [
        bench.variants.BASE,
        "AuxiLearn, Hessian, float32",
        "AuxiLearn, Gauss-Newton, TF32",
    ]


def test_a_folder_is_asked_for(bench):
    with pytest.raises(SystemExit):
        bench.main([])
