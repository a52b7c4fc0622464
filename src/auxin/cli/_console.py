"""What every verb shares: `--json`, `--out`, and where words and results go.

People read words; machines read results. Without `--json` the words go to standard output. With it, standard
output carries the result alone, as JSON, and the words go to standard error.
"""

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

JsonFlag = Annotated[
    bool,
    typer.Option("--json", help="The result as JSON on standard output, words on standard error."),
]
OutDir = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder for the result files. The same folder again resumes."),
]

WIDE = 150
"""The width of words that go to a file or a pipe, so that tables are not folded."""


def console(*, stderr: bool = False) -> "Console":
    """A console of rich's; in a file or a pipe it is plain, and wide enough for tables."""
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, width=None if terminal else WIDE, highlight=False)


@dataclass(frozen=True)
class Output:
    """Where a verb's words and its result go.

    Args:
        json: whether the result is asked for as JSON.
    """

    json: bool
    words: "Console" = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", console(stderr=self.json))

    def say(self, *renderables: Any, sep: str = " ", soft_wrap: bool = False) -> None:
        """Words (text, tables, panels) for people; of torchrun's ranks only the first speaks."""
        if os.environ.get("RANK", "0") != "0":
            return
        self.words.print(*renderables, sep=sep, soft_wrap=soft_wrap)

    def result(self, value: Any) -> None:
        """The result, for machines: a record of the result files, or plain data. Silent without `--json`."""
        if self.json:
            is_record = hasattr(value, "model_dump_json")
            print(value.model_dump_json(indent=2) if is_record else json.dumps(value, indent=2))
