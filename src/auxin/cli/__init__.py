"""The command line: one file per verb, imported only when that verb runs.

A verb is a file `cli/<verb>.py` that holds a function of the same name (its arguments are the verb's
arguments, its docstring the verb's help up to the first section), or a `typer.Typer` named `app` where the
verb has verbs of its own. The first line of the file's docstring is the verb's line in `auxin --help`, which
reads it without importing the file.
"""

import ast
import importlib
import inspect
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from auxin.cli._command import VerbCommand, remember, understood
from auxin.cli._failures import failing_well
from auxin.interrupts import follow

"""Options that may stand anywhere on the command line."""
_FOLDER = Path(__file__).parent
_FIRST = ("compare", "fit", "predict", "export", "report")
"""The verbs that `auxin --help` lists first, in the order in which they are used."""
_HELP = """Train a main task with auxiliary tasks, and test whether they help.

auxin learns the training signal of the auxiliary tasks (generated labels, loss weights, update rules) by bilevel \
optimisation, and compares every method with single-task training on the same rows.
"""
_EPILOG = """Start with `auxin compare`: handwritten digits with few labels, a few minutes on two cores.

`auxin COMMAND --help` describes a command. `--debug` shows the traceback of an error. \
`--allow-outside` lets tables and folders name image files outside their own folder."""


def verbs() -> dict[str, str]:
    """Return each verb with its one-line summary, read from the files without importing them."""
    return {name: _summary(file) for name, file in _files().items()}


def _files() -> dict[str, Path]:
    files = [file for file in _FOLDER.glob("*.py") if not file.stem.startswith("_")]
    files.sort(key=lambda file: (_FIRST.index(file.stem) if file.stem in _FIRST else len(_FIRST), file.stem))
    return {file.stem.replace("_", "-"): file for file in files}


def _summary(file: Path) -> str:
    try:
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    except SyntaxError as error:
        return f"(cannot be read: {error.msg}, line {error.lineno})"
    return text.split("\n", 1)[0]


class _Verbs(TyperGroup):
    """A command group that lists verbs by name and summary and imports only the verb that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name in _files():
            self.add_command(TyperCommand(name), name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help as plain text: the import of rich would take most of the time."""
        super(TyperGroup, self).format_help(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write every verb with its whole summary."""
        with formatter.section("Commands"):
            formatter.write_dl(list(verbs().items()))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import and return the verb that was called. An unknown verb is an error that names similar verbs."""
        name, _, rest = super().resolve_command(ctx, args)
        return (name, command(name), rest) if name else (name, None, rest)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb. An exception becomes a message and an exit code."""
        from auxin.memory import set_for_training  # not for a page of help

        set_for_training()
        debug = bool(ctx.obj and ctx.obj.get("debug"))
        with failing_well(debug=debug), redirect_stdout(sys.stdout):  # put back in the end
            return super().invoke(ctx)


def command(verb: str) -> Any:
    """Import a verb and return its command, or its group of commands."""
    name = verb.replace("-", "_")
    module = importlib.import_module(f"auxin.cli.{name}")
    if isinstance(getattr(module, "app", None), typer.Typer):
        for info in module.app.registered_commands:
            info.cls, info.help = VerbCommand, _user_help(info.callback.__doc__ or "")
        return typer.main.get_command(module.app)
    function = getattr(module, name)
    alone = typer.Typer(rich_markup_mode="rich", add_completion=False)
    help = _user_help(function.__doc__ or "")
    if any(hasattr(p.annotation, "model_fields") for p in inspect.signature(function).parameters.values()):
        from auxin.cli._from_request import from_request  # imports pydantic, which takes a while

        function = from_request(function)
    alone.command(verb, cls=VerbCommand, help=help)(function)
    return typer.main.get_command(alone)


def _user_help(text: str) -> str:
    """Return the part of a docstring that is shown to users: the text before the first section, unwrapped.

    >>> _user_help("Do it.\\n\\nOn two\\nlines.\\n\\n    auxin ls\\n\\nArgs:\\n    x: not for users")
    'Do it.\\n\\nOn two lines.\\n\\n    auxin ls'
    """
    lines = inspect.cleandoc(text).splitlines()
    sections = {"Args:", "Raises:", "Returns:", "Yields:", "Attributes:"}
    end = next((i for i, line in enumerate(lines) if line in sections), len(lines))
    paragraphs = "\n".join(lines[:end]).rstrip().split("\n\n")
    return "\n\n".join(p if p.startswith(" ") else " ".join(p.split("\n")) for p in paragraphs)


def _show_version(requested: bool) -> None:
    if requested:
        from auxin import __version__

        print(f"auxin {__version__}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    del version


def _app() -> TyperGroup:
    app = typer.Typer(cls=_Verbs, rich_markup_mode="rich", no_args_is_help=True, epilog=_EPILOG)
    app.callback(help=_HELP)(_options)
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Exit codes: 0 success, 1 a bug in auxin, 2 an error that the message explains, 130 interrupted.

    Args:
        arguments: Command-line arguments without the program's name. None uses those of this process.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        follow(os.getppid())  # end this rank when its torchrun ends
    given = list(sys.argv[1:] if arguments is None else arguments)
    remember(given)
    debug = "--debug" in given
    if "--allow-outside" in given:
        os.environ["AUXIN_ALLOW_OUTSIDE"] = "1"  # child processes inherit it
    _app().main(understood(given), prog_name="auxin", obj={"debug": debug})
    sys.exit(0)
