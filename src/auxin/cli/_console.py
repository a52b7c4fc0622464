"""Options and output that verbs share: `--json`, `--allow-module`, and the two output streams.

Without `--json`, a verb prints its text to standard output. With `--json`, it prints only the result, as JSON, to
standard output, and its text to standard error.
"""

import json
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

JsonFlag = Annotated[
    bool,
    typer.Option(
        "--json", help="Print the result as JSON to standard output, and the text to standard error."
    ),
]
AllowModule = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-module",
        "--model",
        metavar="NAME[:CALLABLE]",
        help="A module of yours that the model's trunk is made by. It is imported, which runs it; without this option "
        "a model imports nothing outside auxin. Repeatable.",
    ),
]

WIDE = 150
"""The line width, in characters, of text written to a file or a pipe, so that tables are not folded."""


def console(*, stderr: bool = False) -> "Console":
    """Return a rich console. In a file or a pipe its output is plain text, `WIDE` characters wide."""
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, width=None if terminal else WIDE, highlight=False)


@dataclass(frozen=True)
class Output:
    """The output of a verb: text for people, and the result as JSON where `--json` is given.

    Args:
        json: Whether to print the result as JSON.
    """

    json: bool
    words: "Console" = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", console(stderr=self.json))

    def say(self, *renderables: Any, sep: str = " ", soft_wrap: bool = False) -> None:
        """Print text, tables or panels. Under torchrun only rank 0 prints."""
        if os.environ.get("RANK", "0") != "0":
            return
        self.words.print(*renderables, sep=sep, soft_wrap=soft_wrap)

    def result(self, value: Any) -> None:
        """Print a result (a record of the result files, or plain data) as JSON. Without `--json`, print nothing."""
        if self.json:
            is_record = hasattr(value, "model_dump_json")
            print(value.model_dump_json(indent=2) if is_record else json.dumps(value, indent=2))
