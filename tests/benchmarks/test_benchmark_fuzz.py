"""The fuzzer for two seconds: mutated files are read or refused in words, and a reader's fault is seen."""

import importlib.util
from pathlib import Path

FILE = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"


def _fuzzer():
    spec = importlib.util.spec_from_file_location("benchmark_fuzz", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_mutated_files_are_read_or_refused() -> None:
    counts, faults = _fuzzer().fuzz(2.0)
    assert len(counts) == 9
    assert not faults


def test_a_fault_is_seen(monkeypatch) -> None:
    fuzzer = _fuzzer()
    calls = []

    def read(pairs):
        calls.append(pairs)
        if len(calls) > 1:
            raise KeyError("a fault")

    monkeypatch.setattr(fuzzer, "parse", read)
    [fault] = fuzzer.fuzz(0.0)[1]
    assert "settings KeyError" in fault
