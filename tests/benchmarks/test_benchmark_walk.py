"""The script that follows a path or a batch through the code counts as it says."""

import importlib.util
from pathlib import Path

from auxin.requests.data import DataSpec

FILE = Path(__file__).parents[2] / "benchmarks" / "walk.py"
SPEC = importlib.util.spec_from_file_location("walk", FILE)
assert SPEC is not None
assert SPEC.loader is not None
walk = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(walk)


def test_returns_are_counted_by_file() -> None:
    assert walk.returns([]) == 0
    assert walk.returns([("a", "f"), ("a", "g"), ("b", "h"), ("a", "i"), ("c", "j"), ("b", "k")]) == 2


def test_only_functions_that_hold_the_path_are_stays() -> None:
    spec = DataSpec(name="my.csv")
    stays = walk.walked(lambda: (spec.identity(), spec.stem), lambda value: walk.holds(value, "my.csv"))
    assert stays[0] == ("requests/data.py", "DataSpec.identity")
    assert ("requests/data.py", "DataSpec.stem") not in stays
    assert walk.walked(spec.identity, lambda value: walk.holds(value, "other.csv")) == []
