"""Encoders from the states that saved models hold."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from auxin.data.encoders.arrays import Arrays
from auxin.data.encoders.checked import checked_as
from auxin.data.encoders.contract import Encoder, LabelForm
from auxin.data.encoders.images import ImageFiles
from auxin.data.encoders.table import TableEncoder
from auxin.errors import DataError


def saved(encoder: Encoder) -> dict[str, Any]:
    """The encoder's state with the form of the labels, which `restore` reads."""
    return encoder.state() | ({} if encoder.labels is None else {"labels": asdict(encoder.labels)})


def restore(state: Mapping[str, Any]) -> Encoder:
    """The encoder that gave this state.

    Raises:
        DataError: It is no encoder's state.
    """
    kinds: dict[str, type[Encoder]] = {k.kind: k for k in (Arrays, TableEncoder, ImageFiles)}
    if state.get("kind") not in kinds:
        raise DataError(
            "The saved encoder has an unknown type",
            expected=f"one of: {', '.join(kinds)}",
            found=repr(state.get("kind")),
            do="It may come from a newer release of auxin; upgrade auxin",
        )
    made = kinds[state["kind"]].from_state(state)
    made.labels = checked_as(LabelForm, state["labels"]) if "labels" in state else None
    return made
