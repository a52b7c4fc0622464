"""Text as token numbers for a pretrained model of `transformers`, by that model's own tokenizer."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from auxin.data.encoders.cells import check_words
from auxin.data.encoders.columns import Column, ColumnEncoder, Values
from auxin.data.encoders.contract import Notify
from auxin.data.encoders.text import TextEncoder, plain
from auxin.errors import ConfigError

PRETRAINED = "pretrained:"
MOST_TOKENS = 256
"""A text is read to its so manieth token at most: attention's cost grows with the square of it."""
FILES = ("tokenizer.json", "tokenizer_config.json")
"""One of these at least is a tokenizer's."""
PADDING = -1
"""Stands where a text has no more tokens."""


@dataclass(frozen=True)
class Tokens(ColumnEncoder):
    """The numbers of a text's tokens, one column per place, -1 behind its end; the network embeds them.

    Attributes:
        name: Name of the column.
        folder: What `save_pretrained` of the tokenizer wrote; it is looked for again when the model is loaded.
        length: places; set by `fit`: the longest text's, at most `MOST_TOKENS` and what the model takes.
    """

    kind: ClassVar[str] = "tokens"
    folder: str = ""
    length: int = 0

    @property
    def width(self) -> int:
        """One per place."""
        return self.length

    def fit(self, column: Column) -> "Tokens":
        """The places that these rows need."""
        longest = max((len(row) for row in self._numbers(column, MOST_TOKENS)), default=1)
        return Tokens(self.name, self.folder, max(longest, 1))

    def encode(self, column: Column, notify: Notify) -> Values:
        """The rows' tokens."""
        del notify
        check_words(column)
        values = np.full((len(column), self.length), PADDING, np.float64)
        for row, numbers in enumerate(self._numbers(column, self.length)):
            values[row, : len(numbers)] = numbers
        return values, np.zeros(values.shape, bool)

    def _numbers(self, column: Column, most: int) -> list[list[int]]:
        tokenizer = _tokenizer(self.folder)
        most = min(most, int(tokenizer.model_max_length))
        return tokenizer(plain(column), truncation=True, max_length=most)["input_ids"]


@lru_cache(maxsize=2)
def _tokenizer(folder: str) -> Any:
    try:
        from transformers import AutoTokenizer  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        do = 'Install it: pip install "auxin[pretrained]"'
        raise ConfigError(f"The pretrained model {folder} needs the package transformers", do=do) from error
    if not any((Path(folder) / name).is_file() for name in FILES):  # else an empty one would be made up
        raise _no_tokenizer(folder, f"none of {', '.join(FILES)}")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # damaged files, a tokenizer that is not known
        found = next(iter(str(error).splitlines()), type(error).__name__)
        raise _no_tokenizer(folder, found) from error


def _no_tokenizer(folder: str, found: str) -> ConfigError:
    return ConfigError(
        f"The folder {folder} has no tokenizer, which a table's text needs",
        expected="a text model's folder with what `tokenizer.save_pretrained(FOLDER)` writes",
        found=found,
    )


def folder_of(model: str) -> str | None:
    """The folder of a model called `pretrained:FOLDER`, else None."""
    place = Path(model.removeprefix(PRETRAINED)).expanduser()
    return str(place) if model.startswith(PRETRAINED) and place.is_dir() else None


def tokenised(columns: tuple[ColumnEncoder, ...], model: str) -> tuple[ColumnEncoder, ...]:
    """The columns as this model takes them: texts as its tokens, behind all others, where it is pretrained."""
    folder = folder_of(model)
    if folder is None or not any(isinstance(column, TextEncoder) for column in columns):
        return columns
    others = [column for column in columns if not isinstance(column, TextEncoder)]
    return (*others, *(Tokens(column.name, folder) for column in columns if isinstance(column, TextEncoder)))
