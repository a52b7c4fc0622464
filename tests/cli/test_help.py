import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from auxin import cli
from auxin.cli._console import Output
from auxin.errors import ConfigError
from auxin.requests.hyperparameters import Hyperparameters

HEAVY = ("torch", "sklearn", "scipy", "pandas", "matplotlib", "numpy", "jinja2")


SOURCE = Path(cli.__file__).parents[2]


def python(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def auxin(*arguments):
    return python("-m", "auxin", *arguments)


@pytest.fixture
def verb(monkeypatch, tmp_path):
    """Run a verb whose file has the given body; its exit code is returned."""

    def run(body, *arguments):
        (tmp_path / "trial.py").write_text('"""A verb on trial."""\n' + textwrap.dedent(body))
        monkeypatch.setattr(cli, "_FOLDER", tmp_path)
        monkeypatch.setattr(cli, "__path__", [str(tmp_path)])
        monkeypatch.delitem(sys.modules, "auxin.cli.trial", raising=False)
        with pytest.raises(SystemExit) as caught:
            cli.main(["trial", *arguments])
        monkeypatch.delitem(sys.modules, "auxin.cli.trial", raising=False)
        return caught.value.code

    return run


@pytest.mark.parametrize("line", ["--help", "--version", "ls", "ls --help", "report --help"])
def test_answers_import_nothing_heavy(line):
    done = python("-X", "importtime", "-m", "auxin", *line.split())
    assert done.returncode == 0, done.stderr
    modules = [row.rsplit("|", 1)[-1].strip() for row in done.stderr.splitlines() if "|" in row]
    imported = {module.split(".")[0] for module in modules}
    assert "typer" in imported
    assert not imported & set(HEAVY)


def test_the_examples_fit_a_terminal_of_80_columns():
    files = [file for file in Path(cli.__file__).parent.glob("*.py") if not file.stem.startswith("_")]
    lines = [
        line.strip()
        for file in files
        for line in file.read_text().splitlines()
        if line.startswith("        auxin ")
    ]
    assert len(lines) > 20
    assert [line for line in lines if len(line) > 74] == []  # help indents them by five columns


def test_help_lists_every_verb_with_its_summary():
    done = auxin("--help")
    assert done.returncode == 0
    assert len(cli.verbs()) >= 2
    for name, summary in cli.verbs().items():
        assert name in done.stdout
        assert summary.split(":")[0].split()[0] in done.stdout


def test_every_verb_teaches_its_arguments(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for name in cli.verbs():
        with pytest.raises(SystemExit) as caught:
            cli.main([name, "--help"])
        assert caught.value.code == 0
        printed = capsys.readouterr().out
        assert "--json" in printed
        assert "Args:" not in printed
        assert "Raises:" not in printed
        assert "<bool>" not in printed  # a flag takes no value
        assert printed.isascii() or not set(printed) & set("🅰💯")  # `:a:` and `:100:` are emoji to rich
        assert name == "rule" or re.search(r"^ +Examples? *\n *\n {5}\S", printed, flags=re.M)
        starts = [len(found[1]) for found in re.finditer(r"^(│ +)\S", printed, flags=re.M)]
        assert max(starts, default=0) <= 36  # where an option's description begins


def test_help_shows_brackets_and_required_arguments(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    for words, shown in (
        (["compare"], "auxin[mlflow]"),
        (["export"], "auxin[onnx]"),
        (["predict"], "[OPTIONS] MODEL DATA"),
        (["rule", "evaluate"], "Features are scored by ridge regression on few labels per class. The rows"),
    ):
        with pytest.raises(SystemExit):
            cli.main([*words, "--help"])
        assert shown in capsys.readouterr().out


def test_names_that_look_like_markup_or_emoji_are_printed_as_they_are(capsys):
    Output(json=False).print("columns [red], [/b] and level 20:100:3")
    Output(json=False).heading("auxin compare", "  t[/x]:smile:.csv")
    assert capsys.readouterr().out.splitlines() == [
        "columns [red], [/b] and level 20:100:3",
        "auxin compare  t[/x]:smile:.csv",
    ]


def test_version_is_the_packages():
    import auxin as package

    assert auxin("--version").stdout == f"auxin {package.__version__}\n"


def test_an_unknown_verb_is_refused_and_the_nearest_offered():
    done = auxin("reprot")
    assert (done.returncode, done.stdout) == (2, "")
    assert "reprot" in done.stderr
    assert "'report'" in done.stderr


def test_an_unknown_option_is_refused():
    done = auxin("ls", "--jsn")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--json" in done.stderr


def test_a_pipe_that_closes_early_leaves_no_traceback():
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = f"{sys.executable} -m auxin ls --json | head -c 5"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True, env=environment)
    assert "Traceback" not in done.stderr


def test_a_known_problem_is_a_message_and_exit_code_2(verb, capsys):
    body = """
        from auxin.errors import DataError

        def trial():
            raise DataError("The target column 'y' is not there.")
    """
    assert verb(body) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "The target column 'y' is not there." in captured.err
    assert "Traceback" not in captured.err


def test_debug_lets_the_exception_through_wherever_it_stands(verb):
    body = """
        from auxin.errors import ConfigError

        def trial():
            raise ConfigError("no")
    """
    with pytest.raises(ConfigError, match="no"):
        verb(body, "--debug")


def test_ctrl_c_is_one_line_and_exit_code_130(verb, capsys):
    body = """
        def trial():
            raise KeyboardInterrupt
    """
    assert verb(body) == 130
    assert capsys.readouterr().err.splitlines() == ["Interrupted. Finished work is saved."]


def test_a_fault_is_owned_up_to_with_exit_code_1(verb, capsys):
    body = """
        def trial():
            raise ZeroDivisionError("by nothing")
    """
    assert verb(body) == 1
    error = capsys.readouterr().err
    assert "ZeroDivisionError: by nothing" in error
    assert "--debug" in error
    assert "Traceback" not in error


def test_a_usage_error_raised_by_a_verb_keeps_its_own_form(verb, capsys):
    body = """
        import typer

        def trial():
            raise typer.BadParameter("too many")
    """
    assert verb(body) == 2
    error = capsys.readouterr().err
    assert "too many" in error
    assert "bug" not in error


def test_a_verb_is_imported_when_it_runs_and_never_for_help(verb, capsys, tmp_path):
    assert verb("raise SystemExit('imported')\n") == "imported"
    with pytest.raises(SystemExit) as caught:
        cli.main(["--help"])
    assert caught.value.code == 0
    assert "A verb on trial." in capsys.readouterr().out


def test_a_verb_may_have_verbs_of_its_own(verb, capsys):
    body = """
        import typer

        app = typer.Typer()

        @app.command()
        def train():
            print("trained")

        @app.command()
        def apply():
            print("applied")
    """
    assert verb(body, "train") == 0
    assert capsys.readouterr().out == "trained\n"


def test_a_broken_verb_does_not_break_the_others(monkeypatch, tmp_path, capsys):
    (tmp_path / "broken.py").write_text("def (")
    monkeypatch.setattr(cli, "_FOLDER", tmp_path)
    assert cli.verbs() == {"broken": "(cannot be read: invalid syntax, line 1)"}


def test_python_and_the_installed_script_call_the_same_main():
    import tomllib

    project = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["auxin"] == "auxin.cli:main"
    assert callable(cli.main)


def test_the_sites_pages_have_every_option(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "docs" / "_extensions"))
    import commands

    commands.write_pages(SimpleNamespace(srcdir=str(tmp_path)))
    for verb in cli.verbs():
        text = (tmp_path / "commands" / f"{verb}.rst").read_text(encoding="utf-8")
        shown = [one for one in getattr(cli.command(verb), "params", []) if not getattr(one, "hidden", False)]
        for option in shown:
            assert all(word in text for word in option.opts if word.startswith("--") and word != "--help"), (
                option
            )
    assert "``--balanced`` or ``--set``" in (tmp_path / "commands" / "fit.rst").read_text(encoding="utf-8")
    settings = (tmp_path / "commands" / "settings.rst").read_text(encoding="utf-8")
    assert all(f"``{name}``" in settings for name in Hyperparameters.model_fields)
    assert "auxin rule evaluate" in (tmp_path / "commands" / "rule.rst").read_text(encoding="utf-8")
