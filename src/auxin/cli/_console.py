"""The option and the output that verbs share: `--json`, and the two output streams.

Without `--json`, a verb prints its text to standard output. With `--json`, it prints only the result, as JSON, to
standard output, and its text to standard error.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_JSON = "Print the result as JSON to standard output, and the text to standard error."
JsonFlag = Annotated[bool, typer.Option("--json", help=_JSON)]

WIDE = 150
"""The line width, in characters, of text written to a file or a pipe, so that tables are not folded."""


def console(*, stderr: bool = False) -> "Console":
    """Return a rich console. In a file or a pipe its output is plain text, `WIDE` characters wide.

    Text is printed as it is: names of columns and files may look like rich's markup (`[red]`) or emoji (`:x:`).
    """
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if terminal else WIDE
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def sections(groups: "Mapping[str, Sequence[Sequence[Text]]]") -> Iterator[Any]:
    """Yield each heading and the table of its rows, for `Output.print`. A row is a name, a text, and short cells.

    The columns of all tables are aligned, so that a narrow terminal leaves as much room as possible to the text.
    """
    from rich.table import Table
    from rich.text import Text

    rows = [row for group in groups.values() for row in group]
    widths = [
        max((row[i].cell_len for row in rows), default=0) for i in range(max(map(len, rows), default=0))
    ]
    for heading, group in groups.items():
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for i, width in enumerate(widths):
            table.add_column(ratio=1 if i == 1 else None, width=None if i == 1 else width, overflow="fold")
        for row in group:
            table.add_row(*row)
        yield Text(f"\n{heading}", style="bold")
        yield table


@dataclass(frozen=True)
class Output:
    """The output of a verb: text for people, and the result as JSON where `--json` is given.

    Args:
        json: Whether to print the result as JSON.
    """

    json: bool
    words: "Console" = field(init=False)
    results: Any = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", console(stderr=self.json))
        object.__setattr__(self, "results", sys.stdout)
        if self.json:  # until the verb's end: libraries and plugins print, too
            sys.stdout = sys.stderr

    def print(self, *renderables: Any, sep: str = " ", soft_wrap: bool = False) -> None:
        """Print text, tables or panels. Under torchrun only rank 0 prints."""
        if os.environ.get("RANK", "0") == "0":
            self.words.print(*renderables, sep=sep, soft_wrap=soft_wrap)

    def heading(self, head: str, rest: str = "", style: str = "bold") -> None:
        """Print a line that begins with styled words."""
        from rich.text import Text

        self.print(Text.assemble((head, style), rest))

    def result(self, value: Any) -> None:
        """Print a result (a record of the result files, or plain data) as JSON. Without `--json`, print nothing."""
        if self.json:
            is_record = hasattr(value, "model_dump_json")
            text = value.model_dump_json(indent=2) if is_record else json.dumps(value, indent=2)
            print(text, file=self.results)
