"""The fuzzer for a moment: mutated files are read or refused in words, a fault is seen, and cards are signed."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from auxin.exported.folder import CARD, read

FILE = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"


@pytest.fixture(scope="module")
def fuzzer():
    sys.path.insert(0, str(FILE.parent))
    spec = importlib.util.spec_from_file_location("benchmark_fuzz", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["benchmark_fuzz"] = module
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(FILE.parent))
    for name in ("benchmark_fuzz", "_fuzz", "_fuzz.changes"):
        del sys.modules[name]


def test_mutated_files_are_read_or_refused(fuzzer) -> None:
    counts, faults = fuzzer.fuzz(2.0)
    assert len(counts) == 8 + 1 + 5 + 1 + 1
    assert not faults


def test_a_fault_is_seen(fuzzer, monkeypatch) -> None:
    calls = []

    def read(pairs):
        calls.append(pairs)
        if len(calls) > 1:
            raise KeyError("a fault")

    monkeypatch.setattr(fuzzer, "all_checked", read)
    [fault] = fuzzer.fuzz(0.0, groups=("settings",))[1]
    assert "settings KeyError" in fault


def test_a_changed_card_is_signed_again(fuzzer, tmp_path) -> None:
    file = fuzzer.models(tmp_path)["network's card"].file
    text = file.read_text()
    file.write_text(text.replace('"seed": 0', '"seed": 7', 1))
    fuzzer.sign(file)
    assert read(file.parent)[0].training.seed == 7
    changed = fuzzer.reshaped(text.encode(), np.random.default_rng(0))
    assert (file.name, changed != text.encode()) == (CARD, True)
