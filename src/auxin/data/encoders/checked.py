"""An encoder's saved state: its fields as plain data, and back; values of other types are refused."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter


def state_of(encoder: Any) -> dict[str, Any]:
    """An encoder's kind and fields, as plain data for JSON, without those of `unsaid` that are as usual."""
    own = {field.name: getattr(encoder, field.name) for field in fields(encoder)}
    usual = {field.name: field.default for field in fields(encoder) if field.name in encoder.unsaid}
    return {"kind": encoder.kind} | {k: v for k, v in own.items() if k not in usual or v != usual[k]}


def checked_as(kind: type[Any], state: Mapping[str, Any]) -> Any:
    """A dataclass from its fields, each of its type; lists become tuples where the type is one.

    Raises:
        ValueError: A name is missing, or a value is of another type or not finite.

    >>> from auxin.data.encoders.contract import LabelForm
    >>> checked_as(LabelForm, {"style": "decimal commas"})
    LabelForm(missing=None, style='decimal commas', unit=None)
    """
    return TypeAdapter(kind).validate_json(json.dumps(dict(state), allow_nan=False), strict=True)
