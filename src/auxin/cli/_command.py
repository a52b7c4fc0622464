"""The command line as it was typed, and the form of a verb's help: few columns, no braces, flags without a type."""

import re
import shlex
from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

_ANYWHERE = ("--debug", "--allow-outside")
_GIVEN: list[str] = []


def remember(arguments: Sequence[str]) -> None:
    """Store the arguments of this call, without the program's name. Result files hold them to repeat a run."""
    _GIVEN[:] = arguments


def command_line() -> str:
    """Return the whole command line, quoted for a shell.

    >>> remember(["compare", "my data.csv"]); command_line()
    "auxin compare 'my data.csv'"
    """
    return shlex.join(["auxin", *_GIVEN])


def understood(words: Sequence[str]) -> list[str]:
    """Return the words as the verbs know them: without options that may stand anywhere, other names replaced.

    >>> understood(["--debug", "compare", "a.csv", "--aux-kind", "b=number"])
    ['compare', 'a.csv', '--kind', 'b=number']
    """
    return [re.sub("^--aux-kind(?==|$)", "--kind", word) for word in words if word not in _ANYWHERE]


class _PlainHelp:
    """Parameters without `<bool>` beside flags, which take no value, and a usage line without `{}`."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters. A flag has an empty placeholder."""
        found = super().get_params(ctx)  # type: ignore[misc]
        for parameter in found:
            if getattr(parameter, "is_flag", False):
                parameter.metavar = ""
        return found

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help. Both names of an option that is on or off stand in one column (`--refit,--no-refit`)."""
        for parameter in self.get_params(ctx):
            if parameter.secondary_opts:
                parameter.opts += parameter.secondary_opts
                parameter.secondary_opts = [""]
        super().format_help(ctx, formatter)  # type: ignore[misc]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the usage line."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]  # type: ignore[misc]


class VerbCommand(_PlainHelp, TyperCommand):
    """A verb."""


class VerbGroup(_PlainHelp, TyperGroup):
    """A verb that has verbs of its own."""
