"""The contract of encoders: from a user's columns or files to inputs, kept so that new rows are encoded alike."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

    from auxin.math.sparse import SparseRows

Notify = Callable[[str], None]
"""Told in a sentence of everything that is decided for the user while rows are encoded."""
Encoded: TypeAlias = "tuple[Tensor | SparseRows, Tensor | SparseRows | None]"
"""Inputs as a `Dataset` holds them, and which of their values are missing (bool, or None: none are)."""


def warn(sentence: str) -> None:
    """Say it by a Python warning."""
    warnings.warn(sentence, UserWarning, stacklevel=3)


@dataclass(frozen=True)
class LabelForm:
    """How the training file writes the main task's labels, by which those of new rows are read.

    Attributes:
        missing: The mark of a missing label; "": only empty cells are missing; None: the usual marks are.
        style: How numbers are written: a name of `STYLES`, or "" where they are plain.
        unit: The numbers' unit, with a style.
    """

    missing: str | None = None
    style: str = ""
    unit: str | None = None


class Encoder(ABC):
    """From a file or rows of the user's to inputs; the same rows always give the same inputs.

    Inputs are not standardised yet: that is the `DevicePool`'s part, whose `mean` and `std` go with the encoder
    into a saved model: a batch is (x - mean) / std, and 0 where a value is missing.

    Attributes:
        kind: The word that its state begins with.
        unsaid: Fields that the state leaves out where they are as usual.
        blocks: ranges [begin, end) of columns that share one scale and keep their zero (the words of a text).
        verbatim: How many columns at the end are no quantities and stay as they are (the tokens of texts).
        labels: How the main task's labels are written; None where they come from no file.
    """

    kind: ClassVar[str]
    unsaid: ClassVar[tuple[str, ...]] = ()
    blocks: tuple[tuple[int, int], ...] = ()
    verbatim: int = 0
    labels: LabelForm | None = None

    @abstractmethod
    def encode(self, source: Any, notify: Notify = warn) -> Encoded:
        """The inputs of new rows.

        Args:
            source: The path of a file or folder such as the training data's, or rows in memory.
            notify: Function that receives a sentence about every decision (an unseen category, an unknown column).

        Raises:
            DataError: A column is missing, values are of another type, images of another size.
        """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All of it, as plain data that JSON can hold; `restore` makes the same encoder from it."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Encoder":
        """The encoder that gave this state."""

    def fit(self, raw: Any) -> "Encoder":
        """The encoder with everything that is learned from rows learned from these; itself where nothing is."""
        del raw
        return self

    def encoder_for(self, model: str) -> "Encoder":
        """The encoder whose inputs a model of this name takes; itself where models take the same."""
        del model
        return self

    def model_options(self) -> dict[str, str]:
        """What a trunk must know of the inputs beside their shape, as options of it."""
        return {}
