"""A wrong choice on a script's command line is refused in words, before anything is measured."""

import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
PANEL = ("--cells", ".", "--record", "record.json", "--only", "wrong")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("faults.py", ("--place", ".", "--kills", "wrong=3")),
        ("fuzz.py", ("--groups", "wrong")),
        ("gramian.py", ("--cases", "wrong")),
        ("gramian.py", ("--combiners", "wrong")),
        ("loading.py", ("--parts", "wrong")),
        ("meta_step.py", ("--only", "wrong")),
        ("photographs.py", ("--shared", ".", "--only", "wrong")),
        ("panel/again.py", PANEL),
        ("panel/beside.py", ("record.json", "--part", "wrong")),
    ],
)
def test_a_wrong_choice_is_refused_in_words(
    script: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    file = FOLDER / script
    monkeypatch.setattr(sys, "argv", [str(file), *words])
    monkeypatch.syspath_prepend(str(file.parent))
    before = set(sys.modules)
    spec = importlib.util.spec_from_file_location(f"benchmark_{file.stem}_choices", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    try:
        with pytest.raises(SystemExit) as ended:
            module.main()
    finally:
        own = [name for name in set(sys.modules) - before if "auxin" not in name]
        for name in own:
            if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]
    assert ended.value.code == 2
    *_, last = capsys.readouterr().err.strip().splitlines()
    assert "error:" in last
    assert "wrong" in last
