"""The script that counts the source's lines, on a small checkout."""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def size(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("size")
    sys.modules.pop("size", None)


def test_lines_of_docstrings_do_not_count(size, tmp_path):
    package = tmp_path / "src" / "auxin"
    (package / "math").mkdir(parents=True)
    (package / "errors.py").write_text('"""Two\nlines."""\n\n# kept\nX = """no\ndocstring"""\n')
    (package / "math" / "one.py").write_text(
        'class A:\n    """One."""\n\n    def f(self):\n        """Two."""\n'
    )
    found = size.sizes(tmp_path)
    assert found == {"errors.py": (1, 4), "math/": (1, 3), "all": (2, 7)}
    assert size.table({"now": found})[2:] == [
        "| math/ | 1 | 3 |",
        "| errors.py | 1 | 4 |",
        "| all | 2 | 7 |",
    ]
