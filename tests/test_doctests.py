"""Every example in a docstring of the package is run."""

import doctest
import importlib
import importlib.util
import warnings
from pathlib import Path
from typing import Any

import pytest

import auxin.catalogue

ROOT = Path(auxin.catalogue.__file__).parent
MODULES = sorted(
    ".".join(("auxin", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for file in ROOT.rglob("*.py")
)


def test_the_sweep_sees_the_package() -> None:
    assert len(MODULES) > 40
    assert {"auxin.tasks.classes", "auxin.catalogue", "auxin.models._network"} <= set(MODULES)


class Finder(doctest.DocTestFinder):
    """Finds examples without the line of a docstring that has none: for a class's, Python parses the whole file."""

    def _find_lineno(self, obj: Any, source_lines: list[str] | None) -> int | None:
        return super()._find_lineno(obj, source_lines) if ">>>" in str(obj.__doc__) else None  # type: ignore[misc]


@pytest.fixture(autouse=True)
def _files_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each example the debugger, which is not used, looks at every file whose lines are kept."""
    monkeypatch.setattr("linecache.checkcache", lambda *_: None)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in Finder().find(module, name, extraglobs={"__name__": "__main__"}):  # its classes are a user's
        runner.run(test)
    assert runner.summarize().failed == 0, f"run: python -m doctest {module.__file__}"


def test_a_wrong_example_is_seen(tmp_path: Path) -> None:
    (tmp_path / "wrong_example.py").write_text('"""Wrong.\n\n>>> 1 + 1\n3\n"""\n')
    spec = importlib.util.spec_from_file_location("wrong_example", tmp_path / "wrong_example.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    runner = doctest.DocTestRunner(verbose=False)
    for test in Finder().find(module):
        runner.run(test, out=lambda _: None)
    assert runner.summarize(verbose=False).failed == 1
