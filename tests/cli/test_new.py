"""`auxin new` writes a member that works and a test that it passes."""

import sys

import pytest

from auxin import catalogue
from auxin.cli import main
from auxin.cli.new import TEMPLATES


def run(*words):
    with pytest.raises(SystemExit) as left:
        main(list(words))
    return left.value.code


@pytest.mark.parametrize("kind", TEMPLATES)
def test_the_written_test_passes_and_the_member_is_listed(kind, tmp_path, monkeypatch, capsys):
    assert run("new", kind, "my_own", "--folder", str(tmp_path)) in (0, None)
    printed = capsys.readouterr().out
    assert "AUXIN_PLUGINS" in printed
    assert ("--aux" in printed) == (kind == "combiner")
    monkeypatch.delitem(sys.modules, "test_my_own", raising=False)
    monkeypatch.chdir(tmp_path)
    assert pytest.main(["-q", "-n", "0", "-p", "no:cacheprovider", str(tmp_path / "test_my_own.py")]) == 0
    passed = {"combiner": 3, "labeler": 1, "rival": 2, "pretext": 1}[kind]
    assert f"{passed} passed" in capsys.readouterr().out
    monkeypatch.setenv("AUXIN_PLUGINS", str(tmp_path))
    assert "my_own" in catalogue.names(f"{kind}s")


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("combiner", "equal", "already"),
        ("combiner", "My-Own", "lower-case"),
        ("optimiser", "x", "combiner, labeler"),
    ],
)
def test_what_cannot_be_written_is_refused(kind, name, reason, tmp_path, capsys):
    assert run("new", kind, name, "--folder", str(tmp_path)) not in (0, None)
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path, capsys):
    run("new", "combiner", "my_own", "--folder", str(tmp_path))
    assert run("new", "combiner", "my_own", "--folder", str(tmp_path)) not in (0, None)
    assert "there already" in capsys.readouterr().err
