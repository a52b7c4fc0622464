"""A file imports only from lower floors; families of one floor keep apart; reports never import torch."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import auxin.catalogue
from parsed import parsed

ROOT = Path(auxin.catalogue.__file__).parent
FLOORS = [
    {
        "typing",
        "errors",
        "paper",
        "catalogue",
        "math",
        "store",
        "folders",
        "records",
        "interrupts",
        "memory",
        "requests",
        "tensor_files",
    },
    {"optimizers", "solvers", "tasks", "models", "data", "pretexts", "views", "sources"},
    {"hypergradients", "combiners", "labelers", "update_rules", "features", "rivals", "consistency"},
    {"training", "strategies", "methods", "analysis", "rules", "fitting"},
    {"runs", "exported", "loggers"},
    {"judging"},
    {"studies"},
    {"api"},
    {"recipes"},
    {"reports"},
    {"cli", "__init__", "__main__"},
]
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir()}
FLOOR = {part: number for number, parts in enumerate(FLOORS) for part in parts}
ALONE = {0: False, 1: True, 2: True}
"""Floors whose parts may not import one another, and the exceptions to it."""
MAY = {("data", "tasks"), ("pretexts", "tasks"), ("sources", "tasks")}
DYNAMIC = {"catalogue", "__init__", "cli"}
"""Parts that may import by a name made at run time."""


@dataclass(frozen=True)
class Import:
    """One import: the file's part, the imported module's dotted name, and where."""

    part: str
    target: str
    line: int


def part_of(file: Path, root: Path) -> str:
    """The folder or file of the package's first level."""
    return file.relative_to(root).with_suffix("").parts[0]


@cache
def nodes(text: str) -> list[ast.Import | ast.ImportFrom | ast.Call]:
    """The imports and calls of a source, at any depth."""
    return [n for n in parsed(text) if isinstance(n, ast.Import | ast.ImportFrom | ast.Call)]


@cache
def imports_of(text: str, home: tuple[str, ...], part: str) -> list[Import]:
    """Every import of a source, at any depth, relative ones made absolute."""
    found = []
    for node in nodes(text):
        if isinstance(node, ast.Import):
            found += [Import(part, alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = home[: len(home) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            found += [Import(part, f"{module}.{alias.name}", node.lineno) for alias in node.names]
    return found + [Import(part, name, c.lineno) for c in calls_of(text) if (name := spelt(c))]


def imports(file: Path, root: Path) -> list[Import]:
    """Every import statement of a file."""
    home = ("auxin", *file.relative_to(root).parts[:-1])
    return imports_of(file.read_text(encoding="utf-8"), home, part_of(file, root))


@cache
def calls_of(text: str) -> list[ast.Call]:
    """Calls of `import_module` and `__import__`."""
    names = {"import_module", "__import__"}
    found = [node for node in nodes(text) if isinstance(node, ast.Call)]
    return [c for c in found if {getattr(c.func, "id", ""), getattr(c.func, "attr", "")} & names]


def calls(file: Path) -> list[ast.Call]:
    """Calls of `import_module` and `__import__` in a file."""
    return calls_of(file.read_text(encoding="utf-8"))


def spelt(call: ast.Call) -> str | None:
    """The name that a call imports, where it is written out."""
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def test_the_page_shows_the_floors():
    page = (Path(__file__).parents[1] / "docs/idea.md").read_text(encoding="utf-8")
    table = page.split("| floor, from the lowest")[1].split("\n\n")[0].splitlines()[2:]
    shown = [set(re.findall(r"`(\w+)/?`", row.split("|")[1])) for row in table]
    assert shown == [part - {"__init__", "__main__"} for part in FLOORS]


def complaint(found: Import) -> str | None:
    """What is wrong with an import, if anything."""
    if found.part not in FLOOR:
        return f"{found.part} has no floor: give it one"
    top, *rest = found.target.split(".")
    if top != "auxin":
        torch = found.part == "reports" and top in ("torch", "torchjd", "safetensors")
        return f"{found.part} imports {top}" if torch else None
    other = (
        rest[0] if rest and (rest[0] in FLOOR or len(rest) > 1) else "__init__"
    )  # a name of the package's face
    if other == found.part:
        return None
    inside = next((part for part in rest[1:] if part.startswith("_")), None)
    if inside and other in FOLDERS:
        return f"{found.part} imports the private file {other}.{inside}"
    here, there = FLOOR[found.part], FLOOR.get(other)
    if there is None:
        return f"{found.part} imports {found.target}, which has no floor"
    if there > here:
        return f"{found.part} (floor {here}) imports {other} (floor {there})"
    if there == here and ALONE.get(here, False) and (found.part, other) not in MAY:
        return f"{found.part} and {other} are of the same floor {here}"
    return None


def check(root: Path) -> list[str]:
    """Every complaint about a package, as file:line: text."""
    files = sorted(root.rglob("*.py"))
    complaints = [
        f"{file.relative_to(root)}:{found.line}: {text}"
        for file in files
        for found in imports(file, root)
        if (text := complaint(found))
    ]
    hidden = [
        f"{file.relative_to(root)}:{call.lineno}: imports by a name made at run time"
        for file in files
        if part_of(file, root) not in DYNAMIC
        for call in calls(file)
        if spelt(call) is None
    ]
    folders = [path.parent for path in root.glob("*/*.py")]
    homeless = sorted({f"{folder.name}: has no floor" for folder in folders if folder.name not in FLOOR})
    return complaints + hidden + homeless


def test_every_import_goes_down() -> None:
    assert len(list(ROOT.rglob("*.py"))) > 40
    assert check(ROOT) == []


def plant(root: Path, name: str, text: str) -> list[str]:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return check(root)


@pytest.mark.parametrize(
    "text",
    [
        "import auxin.training.loop",
        "import auxin.training.loop as loop",
        "from auxin.training import loop",
        "from auxin.training.loop import Loop",
        "from auxin import training",
        "from ..training import loop",
        "from .. import training",
        "from ..training.loop import Loop",
        "def f():\n    from auxin.training import loop\n    return loop",
        "if True:\n    try:\n        import auxin.training\n    except ImportError:\n        pass",
        "import importlib\nimportlib.import_module('auxin.training.loop')",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from auxin.training import loop",
    ],
)
def test_an_import_of_a_higher_floor_is_seen(text: str, tmp_path: Path) -> None:
    found = plant(tmp_path, "tasks/planted.py", text)
    assert len(found) == 1
    assert "tasks (floor 1) imports training (floor 3)" in found[0]


@pytest.mark.parametrize(
    "text", ["from auxin.combiners import base", "from ..combiners.base import Combiner"]
)
def test_families_of_floor_two_do_not_meet(text: str, tmp_path: Path) -> None:
    assert "the same floor 2" in plant(tmp_path, "labelers/planted.py", text)[0]


def test_floor_one_meets_only_where_said(tmp_path: Path) -> None:
    assert plant(tmp_path, "pretexts/planted.py", "from auxin.tasks.classes import Classes") == []
    assert "the same floor 1" in plant(tmp_path, "models/planted.py", "from auxin.tasks import Task")[0]


def test_the_face_of_the_package_is_the_top(tmp_path: Path) -> None:
    for text in ("from auxin import compare", "import auxin", "from .. import compare"):
        assert "imports __init__ (floor 10)" in plant(tmp_path, "tasks/planted.py", text)[0]
    (tmp_path / "tasks/planted.py").unlink()
    assert plant(tmp_path, "cli/planted.py", "from auxin import __version__") == []


def test_an_import_of_what_has_no_floor_is_seen(tmp_path: Path) -> None:
    assert "no floor" in plant(tmp_path, "tasks/planted.py", "from auxin.somewhere.deep import thing")[0]


@pytest.mark.parametrize(
    "text", ["import torch", "from torch import nn", "def f():\n    import torch.nn as n\n    return n"]
)
def test_reports_without_torch(text: str, tmp_path: Path) -> None:
    assert "reports imports torch" in plant(tmp_path, "reports/planted.py", text)[0]


def test_a_folder_without_a_floor_is_seen(tmp_path: Path) -> None:
    assert plant(tmp_path, "somewhere/planted.py", "x = 1") == ["somewhere: has no floor"]


@pytest.mark.parametrize(
    "text",
    [
        "import importlib\nimportlib.import_module('auxin.' + 'training')",
        "from importlib import import_module\nname = 'auxin.training'\nimport_module(name)",
        "__import__(f'auxin.{1}')",
    ],
)
def test_dynamic_imports_are_the_catalogues(text: str, tmp_path: Path) -> None:
    assert "made at run time" in plant(tmp_path, "tasks/planted.py", text)[0]
    (tmp_path / "tasks/planted.py").unlink()
    assert plant(tmp_path, "catalogue.py", text) == []


@pytest.mark.parametrize(
    "text",
    ["from auxin.errors import message", "from ..math import products", "import math", "from . import base"],
)
def test_imports_that_go_down_pass(text: str, tmp_path: Path) -> None:
    assert plant(tmp_path, "combiners/planted.py", text) == []


def test_every_floor_is_lived_on() -> None:
    parts = {part_of(file, ROOT) for file in ROOT.rglob("*.py")}
    assert {number for part, number in FLOOR.items() if part in parts} >= set(range(11))


def names_of(found: Import) -> list[str]:
    """The files that an import may mean: the module itself, or the module that it takes a name from."""
    dotted = found.target.split(".")
    return [".".join(dotted), ".".join(dotted[:-1])]


def module_of(file: Path) -> str:
    parts = ("auxin", *file.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def arrows() -> dict[str, set[str]]:
    """Which file imports which, by module name; a package's own face is left out, since it only re-exports."""
    files = {module_of(file): file for file in ROOT.rglob("*.py") if file.name != "__init__.py"}
    return {
        name: {m for found in imports(file, ROOT) for m in names_of(found) if m in files and m != name}
        for name, file in files.items()
    }


def circles(graph: dict[str, set[str]]) -> list[str]:
    """The files that remain when those that import none, or that none imports, are taken away again and again."""
    left = {name: set(targets) for name, targets in graph.items()}
    while True:
        imported = set().union(*left.values()) if left else set()
        ends = {name for name, targets in left.items() if not targets & left.keys() or name not in imported}
        if not ends:
            return sorted(left)
        left = {name: targets - ends for name, targets in left.items() if name not in ends}


CIRCLES = 0
"""Files in circles of imports. Only ever smaller."""


def private_imports(root: Path) -> list[str]:
    """Imports of an underscore file from a file outside its folder."""
    found = []
    for file in sorted(root.rglob("*.py")):
        home = ("auxin", *file.relative_to(root).parts[:-1])
        for one in imports(file, root):
            parts = one.target.split(".")
            inside = [i for i, part in enumerate(parts) if part.startswith("_") and part[1:2] != "_"]
            for i in inside:
                is_file = root.joinpath(*parts[1:i], f"{parts[i]}.py").is_file()
                if is_file and tuple(parts[:i]) != home:
                    found.append(f"{file.relative_to(root)}:{one.line}: {one.target}")
    return found


def test_no_private_file_is_imported_from_another_folder(tmp_path: Path) -> None:
    assert private_imports(ROOT) == []
    for name, text in (("data/_a.py", ""), ("data/reading/b.py", "from auxin.data._a import x")):
        plant(tmp_path, name, text)
    assert private_imports(tmp_path) == ["data/reading/b.py:1: auxin.data._a.x"]


def test_no_circle_among_files() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c"]
    found = circles(arrows())
    assert len(found) <= CIRCLES, found


def test_a_private_file_of_another_package_is_seen(tmp_path: Path) -> None:
    for text in ("from auxin.tasks._real import Real", "from auxin.tasks import _real"):
        assert "imports the private file tasks._" in plant(tmp_path, "training/planted.py", text)[0]
