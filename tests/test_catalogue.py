"""The catalogue: folders read as families, files as members."""

import subprocess
import sys
from pathlib import Path

import pytest

from auxin import catalogue
from auxin.errors import ConfigError

MEMBER = '''"""A plugged-in task."""

from auxin.tasks.classes import Classes


class {name}(Classes):
    """Another task of classes."""
'''


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    monkeypatch.setenv(catalogue.PLUGINS, str(tmp_path))
    yield folder
    for name in [m for m in sys.modules if m.startswith("auxin.tasks.plugged")]:
        del sys.modules[name]


def test_families_are_the_folders_with_a_base() -> None:
    known = {
        "combiners",
        "hypergradients",
        "labelers",
        "models",
        "optimizers",
        "pretexts",
        "solvers",
        "tasks",
    }
    assert known <= set(catalogue.families())
    assert catalogue.families() == sorted(catalogue.families())
    assert "math" not in catalogue.families()


def test_names_are_the_files() -> None:
    assert {"classes", "regression", "multilabel"} <= set(catalogue.names("tasks"))
    assert not [
        name for family in catalogue.families() for name in catalogue.names(family) if name.startswith("_")
    ]


@pytest.mark.parametrize("family", catalogue.families())
def test_every_member_has_a_summary_and_loads(family: str) -> None:
    contract = __import__(f"auxin.{family}.base", fromlist=["CONTRACT"]).CONTRACT
    for entry in catalogue.entries(family):
        assert entry.summary.endswith((".", ")", "?")), f"{entry.file}: {entry.summary!r}"
        assert 10 <= len(entry.summary) <= 130
        member = catalogue.load(family, entry.name)
        assert isinstance(member, contract) or issubclass(member, contract)


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom auxin import catalogue\n"
        "print(sum(len(catalogue.entries(f)) for f in catalogue.families()))\n"
        "print([m for m in ('torch', 'numpy', 'sklearn', 'pandas') if m in sys.modules])"
    )
    path = str(Path(catalogue.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}
    )
    count, heavy = done.stdout.splitlines()
    assert int(count) >= 10
    assert heavy == "[]"


@pytest.mark.parametrize(("name", "near"), [("clases", "classes"), ("regresion", "regression")])
def test_an_unknown_name_offers_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"Unknown name among tasks '{name}'.*Did you mean .*'{near}'"):
        catalogue.load("tasks", name)


def test_an_unknown_family_offers_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"Unknown family 'task'.*Did you mean 'tasks'"):
        catalogue.names("task")


def test_a_name_like_nothing_points_to_the_list() -> None:
    with pytest.raises(ConfigError, match="`auxin ls` lists all names"):
        catalogue.load("tasks", "zzzzzz")


def test_a_plugin_is_a_member(plugins: Path) -> None:
    (plugins / "plugged.py").write_text(MEMBER.format(name="Plugged"))
    assert "plugged" in catalogue.names("tasks")
    assert [e.summary for e in catalogue.entries("tasks") if e.name == "plugged"] == ["A plugged-in task."]
    kind = catalogue.load("tasks", "plugged")
    assert kind.__name__ == "Plugged"
    assert catalogue.load("tasks", "plugged") is kind
    assert kind("colour", 3).width == 3


def test_a_plugin_with_the_name_of_the_contract_is_refused(plugins: Path) -> None:
    (plugins / "base.py").write_text(MEMBER.format(name="Plugged"))
    with pytest.raises(ConfigError, match=r"base.py has the name of the file that holds a family's contract"):
        catalogue.names("tasks")


def test_without_the_variable_there_is_no_plugin(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (plugins / "plugged.py").write_text(MEMBER.format(name="Plugged"))
    monkeypatch.delenv(catalogue.PLUGINS)
    assert "plugged" not in catalogue.names("tasks")


def test_a_plugin_outside_the_families_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tasky").mkdir()
    monkeypatch.setenv(catalogue.PLUGINS, f"{tmp_path}:{tmp_path / 'absent'}")
    assert "tasky" not in catalogue.families()


def test_a_file_with_two_members_is_refused(plugins: Path) -> None:
    (plugins / "plugged_two.py").write_text(MEMBER.format(name="One") + "\n\nclass Two(One):\n    pass\n")
    with pytest.raises(ConfigError, match=r"exactly one public Task.*Found 2"):
        catalogue.load("tasks", "plugged_two")


def test_a_file_without_a_member_is_refused(plugins: Path) -> None:
    (plugins / "plugged_none.py").write_text(
        '"""Nothing: an imported class is not its own."""\nfrom auxin.tasks.classes import Classes\n'
    )
    with pytest.raises(ConfigError, match=r"exactly one public Task.*Found 0"):
        catalogue.load("tasks", "plugged_none")


def test_private_classes_are_no_members(plugins: Path) -> None:
    text = MEMBER.format(name="_Helper") + "\n\nclass Plugged(_Helper):\n    pass\n"
    (plugins / "plugged_private.py").write_text(text)
    assert catalogue.load("tasks", "plugged_private").__name__ == "Plugged"


def test_a_broken_plugin_is_listed_but_not_loaded(plugins: Path) -> None:
    (plugins / "plugged_broken.py").write_text("def (:\n")
    [entry] = [e for e in catalogue.entries("tasks") if e.name == "plugged_broken"]
    assert "cannot be read" in entry.summary
    with pytest.raises(ConfigError, match=r"plugged_broken\.py cannot be imported.*SyntaxError"):
        catalogue.load("tasks", "plugged_broken")
    assert "auxin.tasks.plugged_broken" not in sys.modules


def test_an_absent_dependency_breaks_only_its_own_plugin(plugins: Path) -> None:
    (plugins / "plugged_absent.py").write_text('"""Needs more."""\nimport a_package_nobody_has\n')
    assert "plugged_absent" in catalogue.names("tasks")
    with pytest.raises(ConfigError, match=r"cannot be imported.*a_package_nobody_has"):
        catalogue.load("tasks", "plugged_absent")
    assert catalogue.load("tasks", "classes").__name__ == "Classes"


def test_of_many_names_only_the_nearest_are_listed() -> None:
    many = [f"name_{number}" for number in range(100)] + ["softmax"]
    assert catalogue.unknown("method", "sofmax", many) == (
        "Unknown method 'sofmax'. Did you mean 'softmax'? `auxin ls` lists all names."
    )
    assert "name_99" in catalogue.unknown("method", "qqqq", many)
    assert catalogue.unknown("stem", "smal", ["small"]) == (
        "Unknown stem 'smal'. Expected one of: small. Did you mean 'small'?"
    )
