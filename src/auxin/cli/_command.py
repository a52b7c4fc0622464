"""The form of a verb's help: few columns, flags without a type, and required arguments without braces."""

from typing import Any

from typer.core import TyperCommand, TyperGroup


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
